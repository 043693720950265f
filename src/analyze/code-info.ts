// What is known of a code.

import type { Severity } from "../base/diagnostic.ts";

export interface CodeInfo {
  /** Istio's name, or the id of Kiali's check. */
  readonly name: string;
  readonly level: Severity;
  readonly about: string;
  /** What the same thing is called elsewhere: `--suppress` takes these too. */
  readonly also?: readonly string[];
  /** Where Heddle's verdict is another than the code's own project has. */
  readonly differs?: string;
}
