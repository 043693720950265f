// What `heddle describe` is asked about, found in a mesh: by name, with its namespace before or behind it.

import { EXIT, type ExitCode, Failure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import type { Description } from "../explain/description/description.ts";
import { describeService } from "../explain/description/service.ts";
import type { Subject } from "../explain/description/subject.ts";
import { describeWorkload } from "../explain/description/workload.ts";
import type { Workload } from "../model/workload.ts";
import { isCalled, workloadCalled } from "./workload-name.ts";

/** With istioctl's and kubectl's short names. */
const KINDS = {
  pod: ["pod", "pods", "po"],
  service: ["service", "services", "svc"],
  workload: ["workload", "workloads", "deployment", "deployments", "deploy"],
} as const;
export type DescribedKind = keyof typeof KINDS;
export const DESCRIBED_KINDS = Object.keys(KINDS) as readonly DescribedKind[];

export interface Wanted {
  readonly kind: DescribedKind;
  readonly name: string;
}

/** `pod web-1`, `svc/web`. Throws a Failure with the nearest kind. */
export function wantedOf(first: string, second: string | undefined): Wanted {
  const slash = second === undefined ? first.indexOf("/") : -1;
  const [kind, name] = slash < 0 ? [first, second] : [first.slice(0, slash), first.slice(slash + 1)];
  const found = DESCRIBED_KINDS.find((one) =>
    (KINDS[one] as readonly string[]).includes(kind.toLowerCase().replace(/\.apps$/, "")),
  );
  if (found && name !== undefined && name !== "") return { kind: found, name };
  if (found) throw new Failure(`which ${found}?`, { hint: `heddle describe ${found} NAME`, exit: EXIT.usage });
  throw new Failure(`nothing that is described: ${JSON.stringify(kind)}`, {
    hint: nearest(kind, Object.values(KINDS).flat()) ?? `one of ${DESCRIBED_KINDS.join(", ")}`,
    exit: EXIT.usage,
  });
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** Throws a Failure, with the nearest name, when there is none: with `absent`, files that lack it are wrong, a mesh is not. */
export function described(
  subject: Subject,
  { kind, name }: Wanted,
  namespace: string,
  absent: ExitCode = EXIT.data,
): Description {
  if (kind === "service") return describedService(subject, name, namespace, absent);
  const workloads = [...subject.mesh.workloads];
  const named = ({ namespace: of, name: pod, workloadName }: Workload): Named => ({
    namespace: of,
    name: kind === "pod" ? pod : workloadName,
  });
  const namesOf = ({ namespace: of, name: pod, workloadName, canonicalName }: Workload) => ({
    namespace: of,
    names: kind === "pod" ? [pod] : [workloadName, pod, canonicalName],
  });
  const found = workloadCalled(workloads, namesOf, name, namespace);
  if (found) return describeWorkload(subject, found);
  throw noSuch({ kind, name }, namespace, workloads.map(named), absent);
}

function describedService(subject: Subject, name: string, namespace: string, absent: ExitCode): Description {
  const { services } = subject.mesh;
  const found =
    services.find((service) => isCalled(service.namespace, service.name, name, namespace)) ??
    services.find(({ host }) => host === name) ??
    services.find(({ aliases = [] }) =>
      aliases.some((alias) => isCalled(alias.namespace, alias.name, name, namespace)),
    );
  // As its own namespace's clients have it.
  if (found) return describeService(subject, found, found.namespace);
  throw noSuch({ kind: "service", name }, namespace, services, absent);
}

function noSuch({ kind, name }: Wanted, namespace: string, known: readonly Named[], exit: ExitCode): Failure {
  const own = known.filter((one) => one.namespace === namespace).map((one) => one.name);
  const all = known.map((one) => `${one.namespace}/${one.name}`);
  const names = [...new Set(all)].sort();
  const few = names.length > 10 ? "--namespace NAME" : `there are ${names.join(", ") || "none"}`;
  const where = name.includes("/") ? "" : ` in namespace ${namespace}`;
  const near = nearest(name, name.includes("/") ? all : [...own, ...all]);
  return new Failure(`no ${kind} ${name}${where}`, { hint: near ?? few, exit });
}
