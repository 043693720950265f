// Where a resource came from: the object a person wrote, carried in resource metadata (`filter_metadata.istio.config`, as Istio does).

/** `config` is Istio's path form: `/apis/networking.istio.io/v1/namespaces/default/virtual-service/golden-signal`. */
export interface Origin {
  readonly config: string;
}
