// The application's own metrics, in Prometheus' text format: what the sidecar merges with its own in one scrape.

/** Seconds. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export class ApplicationMetrics {
  readonly #version: string;
  readonly #requests = new Map<number, number>();
  readonly #buckets = new Array<number>(BOUNDS.length).fill(0);
  #count = 0;
  #seconds = 0;
  #inFlight = 0;

  constructor(version: string) {
    this.#version = version;
  }

  begin(): void {
    this.#inFlight++;
  }

  end(code: number, ms: number): void {
    const seconds = ms / 1_000;
    this.#inFlight--;
    this.#count++;
    this.#seconds += seconds;
    this.#requests.set(code, (this.#requests.get(code) ?? 0) + 1);
    const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
    if (bucket !== -1) this.#buckets[bucket]!++;
  }

  text(): string {
    const version = `version=${JSON.stringify(this.#version)}`;
    const lines = ["# TYPE golden_signal_requests_total counter"];
    for (const [code, count] of this.#requests) {
      lines.push(`golden_signal_requests_total{${version},code="${code}"} ${count}`);
    }
    lines.push("# TYPE golden_signal_in_flight gauge", `golden_signal_in_flight{${version}} ${this.#inFlight}`);
    const histogram = "golden_signal_duration_seconds";
    lines.push(`# TYPE ${histogram} histogram`);
    let below = 0;
    BOUNDS.forEach((bound, i) => {
      below += this.#buckets[i]!;
      lines.push(`${histogram}_bucket{${version},le="${bound}"} ${below}`);
    });
    lines.push(
      `${histogram}_bucket{${version},le="+Inf"} ${this.#count}`,
      `${histogram}_sum{${version}} ${this.#seconds}`,
      `${histogram}_count{${version}} ${this.#count}`,
    );
    return `${lines.join("\n")}\n`;
  }
}
