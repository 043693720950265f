// How large a regular expression's program is in Envoy, by its text: in linear time, so that thousands of them are judged before one is read.
//
// Envoy refuses programs above its runtime's `re2.max_program_size.error_level`, with all of the resource that has one. RE2 has about an
// instruction a character of its text, two to three for a class of bytes, some ten for a class of Unicode; a repetition has its atom so many times.

/** As Istio's bootstrap sets it. */
export const MAX_PROGRAM_SIZE = 32_768;

/** Without it Envoy takes programs of 100. */
export const PROGRAM_SIZE_LAYER = {
  name: "regular-expressions",
  static_layer: { "re2.max_program_size.error_level": MAX_PROGRAM_SIZE },
};

/** Of RE2 itself, whatever the text. */
const FRAME = 4;
const CLASS = 4;
const UNICODE_CLASS = 12;

interface Atom {
  readonly size: number;
  readonly end: number;
}

/** Never less than it is in Envoy, but for texts that RE2 does not take. Infinity: more than can be. */
export function programSize(regex: string): number {
  const groups: number[] = [];
  let [sum, last] = [FRAME, 0];
  for (let at = 0; at < regex.length; ) {
    const char = regex[at]!;
    if (char === "(") {
      groups.push(sum + last);
      [sum, last] = [2, 0]; // where it begins and ends
      at++;
    } else if (char === ")") {
      const group = sum + last;
      [sum, last] = [groups.pop() ?? 0, group];
      at++;
    } else if (char === "{") {
      const times = repetition(regex, at);
      if (times) last = last * times.most + times.optional;
      else [sum, last] = [sum + last, 1];
      at = times?.end ?? at + 1;
    } else if (char === "*" || char === "+" || char === "?" || char === "|") {
      sum += 2;
      at++;
    } else {
      const atom = atomAt(regex, at);
      [sum, last] = [sum + last, atom.size];
      at = atom.end;
    }
  }
  return groups.reduce((size, outer) => size + outer, sum + last);
}

function atomAt(regex: string, at: number): Atom {
  const char = regex[at]!;
  if (char === "[") return classAt(regex, at);
  if (char === ".") return { size: CLASS, end: at + 1 };
  if (char === "\\") return escapeAt(regex, at);
  // Envoy's are of bytes: of letters beyond ASCII each is an instruction.
  return { size: char < "\u0080" ? 1 : 3, end: at + 1 };
}

function escapeAt(regex: string, at: number): Atom {
  const kind = regex[at + 1] ?? "";
  if (kind === "Q") {
    const end = regex.indexOf("\\E", at);
    const stop = end === -1 ? regex.length : end + 2;
    return { size: 4 * (stop - at), end: stop };
  }
  if (kind === "p" || kind === "P") {
    const end = regex[at + 2] === "{" ? afterNear(regex, "}", at) : at + 3;
    return { size: UNICODE_CLASS, end: end ?? at + 2 };
  }
  if (kind === "x" && regex[at + 2] === "{") {
    return { size: CLASS, end: afterNear(regex, "}", at) ?? at + 2 };
  }
  return { size: /[dswDSW]/.test(kind) ? CLASS : 3, end: at + 2 };
}

/** `]` may be its first member; names of classes stand in brackets of their own. */
function classAt(regex: string, at: number): Atom {
  let end = at + 1;
  let size = CLASS;
  if (regex[end] === "^") end++;
  if (regex[end] === "]") end++;
  while (end < regex.length && regex[end] !== "]") {
    if (regex[end] === "\\") {
      const escaped = escapeAt(regex, end);
      if (escaped.size === UNICODE_CLASS) size = Math.max(size, UNICODE_CLASS) + 4;
      end = escaped.end;
      continue;
    }
    const named = regex.startsWith("[:", end) ? afterNear(regex, ":]", end) : undefined;
    if (named !== undefined) end = named;
    else {
      if (regex[end]! >= "\u0080") size += 4;
      end++;
    }
  }
  return { size, end: end + 1 };
}

/** No name of a class or a character is longer. */
const MAX_NAME = 64;

/** Behind the text, when it comes soon. */
function afterNear(regex: string, text: string, at: number): number | undefined {
  const found = regex.slice(at, at + MAX_NAME).indexOf(text);
  return found === -1 ? undefined : at + found + text.length;
}

interface Repetition {
  readonly most: number;
  /** What may be left out has a way around it. */
  readonly optional: number;
  readonly end: number;
}

/** `{3}`, `{3,}`, `{3,7}`; undefined: braces that say nothing, which RE2 takes as they are. */
function repetition(regex: string, at: number): Repetition | undefined {
  const [text, least, comma, most] = /^\{(\d{1,9})(,)?(\d{1,9})?\}/.exec(regex.slice(at, at + 24)) ?? [];
  if (text === undefined) return undefined;
  const times = Math.max(1, Number(most ?? least));
  return { most: times, optional: comma ? 1 + times - Math.min(times, Number(least)) : 0, end: at + text.length };
}
