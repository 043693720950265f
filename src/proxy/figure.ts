// A figure of a cluster or listener: counted in plain fields, written to its series when somebody asks.

import type { Counter, CounterSeries } from "../stats/counter.ts";
import type { Gauge } from "../stats/gauge.ts";

/** One figure of every cluster, or of every listener. */
export interface Figure<Subject> {
  readonly read: (subject: Subject) => number;
  write(name: string, value: number): void;
  remove(name: string): void;
}

export function gaugeOf<Subject>(gauge: Gauge<readonly [string]>, read: (subject: Subject) => number): Figure<Subject> {
  return {
    read,
    write: (name, value) => gauge.set(gauge.series([name]), value),
    remove: (name) => gauge.remove(gauge.series([name])),
  };
}

export function advance<Labels extends readonly string[]>(
  counter: Counter<Labels>,
  series: CounterSeries,
  to: number,
): void {
  counter.add(series, Math.max(0, to - counter.value(series)));
}

export function countOf<Subject>(
  counter: Counter<readonly [string]>,
  read: (subject: Subject) => number,
): Figure<Subject> {
  return {
    read,
    write: (name, value) => advance(counter, counter.series([name]), value),
    remove: (name) => counter.remove(counter.series([name])),
  };
}
