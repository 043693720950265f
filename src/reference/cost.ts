// How often the API server may have to evaluate a rule of a definition, and what it may cost: it refuses a definition whose rules
// could cost too much by its own estimate (apiextensions-apiserver, pkg/apis/apiextensions/validation/cel_validation.go).

/** The largest request, in bytes. */
const MAX_REQUEST = 3 * 1024 * 1024;
/** Of one rule 10,000,000, of all of a version 100,000,000; the rest is for what our estimate does not see. */
const RULE_LIMIT = 9_000_000;
const TOTAL_LIMIT = 85_000_000;
/** Of that for rules that stand for themselves: what each field of a kind has in common may not leave them nothing. */
const RESERVED = 15_000_000;

/** How many values of this place an object can hold: the product of the bounds above, or "unbounded". */
export type Cardinality = number | "unbounded";

export function within(above: Cardinality, bound: number | undefined): Cardinality {
  return above === "unbounded" || bound === undefined ? "unbounded" : above * bound;
}

/** `minSize`: bytes of the shortest value in JSON. Below a list without a bound as many are possible as fit into a request. */
export function timesOf(cardinality: Cardinality, minSize: number): number {
  return cardinality === "unbounded" ? Math.floor(MAX_REQUEST / (minSize + 1)) : cardinality;
}

/** What is left for the rules of one version; taken in the order of fields. */
export class Budget {
  #spent = 0;

  /** Whether a rule of that cost for each of `times` values can be afforded; if so it is paid for. `common`: one of many alike. */
  pays(cost: number, times: number, common = false): boolean {
    const whole = cost * times;
    const limit = common ? TOTAL_LIMIT - RESERVED : TOTAL_LIMIT;
    if (whole > RULE_LIMIT || this.#spent + whole > limit) return false;
    this.#spent += whole;
    return true;
  }
}
