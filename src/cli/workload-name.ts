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

/** Of several that one name fits the first. */
export function workloadCalled<T>(
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
