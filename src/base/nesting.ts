// Nesting in a text of YAML that is found before a parser makes a tree of it.

/** More open brackets than any text has by chance. The parser itself gives up at some 7,000, and takes its time. */
const PARSER_DEPTH = 5_000;

/**
 * Where open brackets, or indicators on one line, are far too many: before the parser makes a tree of them. Block nesting needs indentation,
 * which the size of a document bounds.
 */
export function looksTooDeep(text: string): number | undefined {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5b || code === 0x7b) {
      if (++depth > PARSER_DEPTH) return i;
    } else if ((code === 0x5d || code === 0x7d) && depth > 0) depth--;
  }
  return /^[ \t]*(?:[-?:][ \t]+){100}/m.exec(text)?.index;
}
