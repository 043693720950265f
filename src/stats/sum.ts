// The expositions of processes that do one job together, as one: what they counted is added up, bucket by bucket where there are buckets;
// of gauges each has its meaning.

import { type ExpositionFormat, headerText, type MetricType, numberText } from "./exposition.ts";
import { gaugeRule } from "./names/shared-gauges.ts";
import { readExposition } from "./parse.ts";

export interface SummedFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** By series, as written. */
  readonly samples: ReadonlyMap<string, number>;
}

interface Family extends SummedFamily {
  readonly samples: Map<string, number>;
}

const RULES = {
  sum: (a: number, b: number) => a + b,
  max: (a: number, b: number) => Math.max(a, b),
  min: (a: number, b: number) => Math.min(a, b),
} as const;

function typeOf(text: string): MetricType {
  return text === "counter" || text === "gauge" || text === "histogram" ? text : "untyped";
}

/** Texts that this program wrote, in the text format; anything else is dropped line by line. */
export class ExpositionSum {
  readonly #families = new Map<string, Family>();

  /** `counts`: counters and histograms alone, of a process that is gone. */
  add(text: string, counts = false): this {
    let help = "";
    let family: Family | undefined;
    for (const line of readExposition(text)) {
      if (line.kind === "help") help = line.text;
      else if (line.kind === "type") family = this.#family(line.family, help, typeOf(line.text));
      else if (line.kind === "sample" && family && !(counts && family.type === "gauge"))
        this.#addSample(family, line.series, line.value);
    }
    return this;
  }

  #family(name: string, help: string, type: MetricType): Family {
    let family = this.#families.get(name);
    if (!family) {
      family = { name, help, type, samples: new Map() };
      this.#families.set(name, family);
    }
    return family;
  }

  #addSample({ name, type, samples }: Family, series: string, value: number): void {
    const before = samples.get(series);
    const rule = RULES[type === "gauge" ? gaugeRule(name) : "sum"];
    samples.set(series, before === undefined ? value : rule(before, value));
  }

  families(): Iterable<SummedFamily> {
    return this.#families.values();
  }

  text(format: ExpositionFormat): string {
    const pieces: string[] = [];
    for (const { name, help, type, samples } of this.#families.values()) {
      if (samples.size === 0) continue;
      pieces.push(headerText({ name, help, kind: type }, format));
      for (const [series, value] of samples) pieces.push(`${series} ${numberText(value)}\n`);
    }
    if (format === "openmetrics") pieces.push("# EOF\n");
    return pieces.join("");
  }
}
