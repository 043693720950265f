// The contract of registration beside its messages: where the calls go, and the names that both sides make of what was said.

export const REGISTER_PATH = "/heddle.registration.v1.RegistrationService/Register";
export const DEREGISTER_PATH = "/heddle.registration.v1.RegistrationService/Deregister";

/** Of a service, and of the instances of it that a subset chooses. */
export interface AppVersion {
  readonly app: string;
  readonly version: string;
}

/** What would be a Deployment's name on Kubernetes. */
export function workloadNameOf({ app, version }: AppVersion): string {
  return `${app}-${version}`;
}

/** Also the label that Istio's gateways have, `istio: ingressgateway` for `istio-ingressgateway`: by it Gateways choose them. */
export function gatewayLabels(of: AppVersion): Readonly<Record<string, string>> {
  return { ...workloadLabels(of), istio: of.app.replace(/^istio-/, "") };
}

/** The Pod's labels, which the proxy tells its peers and its metrics show, too. */
export function workloadLabels(of: AppVersion): Readonly<Record<string, string>> {
  return {
    app: of.app,
    version: of.version,
    "service.istio.io/canonical-name": of.app,
    "service.istio.io/canonical-revision": of.version,
    "service.istio.io/workload-name": workloadNameOf(of),
  };
}
