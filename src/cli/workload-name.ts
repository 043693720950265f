// Which workload people mean: by its Pod, by what owns it, or by its app, which `heddle run --name` chooses.

export interface WorkloadNames {
  readonly namespace: string;
  /** Those that count most first. */
  readonly names: readonly string[];
}

/** `NAME`, `NAMESPACE/NAME` or istioctl's `NAME.NAMESPACE`. `own`: the namespace of a `NAME` alone; undefined: any. */
export function isCalled(namespace: string, name: string, text: string, own: string | undefined): boolean {
  if (text.includes("/")) return text === `${namespace}/${name}`;
  return (text === name && (own === undefined || namespace === own)) || text === `${name}.${namespace}`;
}

/** kubectl's kinds of what runs, before a name. */
const KIND = /^(?:pods?|po|deploy(?:ments?)?|sts|statefulsets?|ds|daemonsets?|rs|replicasets?)(?:\.apps)?\//i;

/** Of several that one name fits the first. `deploy/web` is `web`, where no namespace `deploy` has one. */
export function workloadCalled<T>(
  all: readonly T[],
  namesOf: (one: T) => WorkloadNames,
  text: string,
  own: string | undefined,
): T | undefined {
  return (
    called(all, namesOf, text, own) ?? (KIND.test(text) ? called(all, namesOf, text.replace(KIND, ""), own) : undefined)
  );
}

function called<T>(
  all: readonly T[],
  namesOf: (one: T) => WorkloadNames,
  text: string,
  own: string | undefined,
): T | undefined {
  const named = all.map((one) => ({ one, ...namesOf(one) }));
  const most = named.reduce((count, { names }) => Math.max(count, names.length), 0);
  for (let rank = 0; rank < most; rank++) {
    const found = named.find(({ namespace, names }) => {
      const name = names[rank];
      return name !== undefined && isCalled(namespace, name, text, own);
    });
    if (found) return found.one;
  }
  return undefined;
}
