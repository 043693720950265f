// What the YAML library would have to build of a text, counted by its own lexer before anything is built. A token costs it about the
// same whatever it is: of `[a,a,a` there are fifty times as many in a text as in what people write.

import { Lexer } from "yaml";

/** A mistake that takes one character, and a directive, cost the library as much as so many tokens. */
const COSTLY = 5;

/** The lexer's own marks, which stand nowhere in the text: of a document, of the end of brackets, of a scalar. */
const MARKS: readonly string[] = ["\x02", "\x18", "\x1f"];

export interface Cost {
  readonly tokens: number;
  /** Where the last token that is counted begins: where the limit was passed, if it was. */
  readonly end: number;
}

/** How many tokens the text has, costly ones counted as several; of more than `limit` few more are counted. */
export function tokensOf(text: string, limit: number): number {
  return costOf(text, limit).tokens;
}

export function costOf(text: string, limit: number): Cost {
  let count = 0;
  let open = 0;
  let begin = 0;
  let next = 0;
  for (const token of new Lexer().lex(text)) {
    count += 1;
    begin = next;
    if (!MARKS.includes(token)) next += token.length;
    if (token === "[" || token === "{") open++;
    else if (token === "]" || token === "}") {
      if (open > 0) open--;
      else count += COSTLY - 1;
    } else if (token.startsWith("%")) count += COSTLY - 1;
    if (count > limit) break;
  }
  return { tokens: count, end: begin };
}
