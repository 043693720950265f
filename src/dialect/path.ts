// Paths of fields as people read them: `spec.http[0].match[1].headers["x-user"].exact`.

export type Step = string | number;

export function joinPath(base: string, step: Step): string {
  if (typeof step === "number") return `${base}[${step}]`;
  if (!/^[\w-]+$/.test(step)) return `${base}[${JSON.stringify(step)}]`;
  return base === "" ? step : `${base}.${step}`;
}

/** The steps of a path that `joinPath` made. */
export function parsePath(path: string): readonly Step[] {
  const steps: Step[] = [];
  for (const [, index, quoted, name] of path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g)) {
    if (index !== undefined) steps.push(Number(index));
    else if (quoted !== undefined) steps.push(JSON.parse(quoted) as string);
    else if (name !== undefined) steps.push(name);
  }
  return steps;
}
