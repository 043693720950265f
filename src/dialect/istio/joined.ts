// What several objects come to together.

import type { Message } from "../../model/message.ts";
import type { Origin } from "../../model/origin.ts";

/** About an object that was read already. */
export interface Finding {
  readonly origin: Origin;
  readonly path: string;
  readonly message: Message;
}

/** Takes a finding. */
export type Report = (origin: Origin, path: string, message: Message) => void;

/** Items and findings of the last time are the same objects where what they come from is. */
export interface Joined<T> {
  readonly items: readonly T[];
  readonly findings: readonly Finding[];
}
