// What the YAML library would have to build of a text, counted by its own lexer before anything is built. A token costs it about the
// same whatever it is: of `[a,a,a` there are fifty times as many in a text as in what people write.

import { Lexer } from "yaml";

/** A mistake that takes one character, and a directive, cost the library as much as so many tokens. */
const COSTLY = 5;

/** How many tokens the text has, costly ones counted as several; of more than `limit` few more are counted. */
export function tokensOf(text: string, limit: number): number {
  let count = 0;
  let open = 0;
  for (const token of new Lexer().lex(text)) {
    count += 1;
    if (token === "[" || token === "{") open++;
    else if (token === "]" || token === "}") {
      if (open > 0) open--;
      else count += COSTLY - 1;
    } else if (token.startsWith("%")) count += COSTLY - 1;
    if (count > limit) break;
  }
  return count;
}
