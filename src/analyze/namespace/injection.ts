// Who gets a proxy by labels, and who should have one and has none.

import type { MeshAnalyzer, ObjectAnalyzer } from "../analyzer.ts";
import { type Code, finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import type { Runnable } from "../runnable.ts";
import { isOfKind } from "../view.ts";
import type { World } from "../world.ts";

type Labels = Readonly<Record<string, string>>;

const INJECTION = "istio-injection";
const REVISION = "istio.io/rev";
const INJECT = "sidecar.istio.io/inject";
const AMBIENT = "istio.io/dataplane-mode";
const PROXY_CONTAINER = "istio-proxy";
const HEDDLE_PROXY = "heddle.dev/proxy";

export const injectionLabels: ObjectAnalyzer = {
  name: "injection.NamespaceLabelsAnalyzer",
  about: "a namespace has one label about injection",
  codes: ["IST0123"],
  scope: "object",
  analyze(object, report) {
    if (!isOfKind(object, kinds.namespace)) return;
    const present = [INJECTION, REVISION].filter((label) => object.labels[label] !== undefined);
    if (present.length > 1)
      report(
        object,
        `metadata.labels[${JSON.stringify(REVISION)}]`,
        finding(
          "IST0123",
          `The namespace has more than one type of injection labels [${present.join(" ")}], which may lead to undefined behavior. Make sure only one injection label exists`,
          "one of the two",
        ),
      );
  },
};

export const injection: MeshAnalyzer = {
  name: "injection.Analyzer",
  about: "namespaces say whether their Pods get a proxy, and those Pods have one",
  codes: ["IST0102", "IST0103", "IST0146", "IST0147"],
  scope: "mesh",
  analyze(world, report) {
    const labels = namespaceLabels(world);
    const byNamespace = Map.groupBy(
      world.runnables.filter(({ kind }) => kind !== "entry"),
      ({ namespace }) => namespace,
    );
    for (const { name, object } of world.views(kinds.namespace))
      if (world.unread(name) === undefined && isSilent(name, object.labels, byNamespace.get(name) ?? [], world))
        report(
          object,
          "metadata.name",
          finding(
            "IST0102",
            `The namespace is not enabled for Istio injection. Run 'kubectl label namespace ${name} istio-injection=enabled' to enable it, or 'kubectl label namespace ${name} istio-injection=disabled' to explicitly mark it as not needing injection`,
          ),
        );
    for (const runnable of [...byNamespace.values()].flat()) {
      const namespace = labels.get(runnable.namespace);
      const wanted = isInjected(runnable, namespace);
      if (wanted && runnable.kind === "pod" && !hasProxy(runnable) && !runnable.pod.hostNetwork)
        report(runnable.object, "metadata.name", missingProxy(runnable));
      const auto = (runnable.pod.containers ?? []).findIndex(({ image }) => image === "auto");
      if (!wanted && auto >= 0)
        report(runnable.object, `${runnable.path}.containers[${auto}].image`, autoImage(runnable));
    }
  },
};

/** Where everything that runs has a proxy already, nobody waits for a label. */
function isSilent(name: string, labels: Labels, members: readonly Runnable[], world: World): boolean {
  if (name.startsWith("kube-") || world.isRoot(name)) return false;
  if ([INJECTION, REVISION, AMBIENT].some((label) => labels[label] !== undefined)) return false;
  return members.length === 0 || members.some((runnable) => !hasProxy(runnable));
}

export function namespaceLabels(world: World): ReadonlyMap<string, Labels> {
  return new Map(world.views(kinds.namespace).map(({ name, object }) => [name, object.labels]));
}

/** Whether it is outside the mesh by its own words, or its namespace's. */
export function refusesProxy(runnable: Runnable, namespace: Labels = {}): boolean {
  if (hasProxy(runnable)) return false;
  const own = runnable.labels[INJECT] ?? runnable.annotations[INJECT];
  return own === "false" || (own === undefined && namespace[INJECTION] === "disabled");
}

/** The Pod's own label beats the namespace's (pkg/kube/inject/inject.go). */
function isInjected({ labels, annotations }: Runnable, namespace: Labels = {}): boolean {
  const own = labels[INJECT] ?? annotations[INJECT];
  if (own === "true" || own === "false") return own === "true";
  if (labels[REVISION] !== undefined) return true;
  return namespace[INJECTION] === undefined ? namespace[REVISION] !== undefined : namespace[INJECTION] === "enabled";
}

function hasProxy({ pod, annotations }: Runnable): boolean {
  const containers = [...(pod.containers ?? []), ...(pod.initContainers ?? [])];
  return annotations[HEDDLE_PROXY] !== undefined || containers.some(({ name }) => name === PROXY_CONTAINER);
}

function missingProxy({ name }: Runnable) {
  return finding(
    "IST0103",
    `The pod ${name} is missing the Istio proxy. This can often be resolved by restarting or redeploying the workload`,
  );
}

function autoImage({ object, kind, name }: Runnable) {
  const code: Code = kind === "pod" ? "IST0147" : "IST0146";
  return finding(
    code,
    `${object.origin.kind} ${name} contains \`image: auto\` but does not match any Istio injection webhook selectors`,
    `the label ${INJECT}: "true" on the Pod, or ${INJECTION}: enabled on its namespace`,
  );
}
