import { expect, test } from "bun:test";
import { parseCel } from "./cel.ts";
import { functionsIn, notEvaluated, patternsIn } from "./cel-attributes.ts";

/** Fully bracketed: what binds to what. */
function shown(text: string): string {
  const parsed = parseCel(text);
  if ("problem" in parsed) return parsed.problem;
  const show = (cel: typeof parsed.expression): string => {
    switch (cel.kind) {
      case "literal":
        return JSON.stringify(cel.value);
      case "name":
        return cel.name;
      case "select":
        return `${show(cel.of)}.${cel.field}`;
      case "index":
        return `${show(cel.of)}[${show(cel.key)}]`;
      case "list":
        return `[${cel.items.map(show).join()}]`;
      case "unary":
        return `(${cel.operator}${show(cel.of)})`;
      case "binary":
        return `(${show(cel.left)} ${cel.operator} ${show(cel.right)})`;
      case "choice":
        return `(${show(cel.condition)} ? ${show(cel.then)} : ${show(cel.otherwise)})`;
      case "call":
        return `${cel.on ? `${show(cel.on)}.` : ""}${cel.name}(${cel.arguments.map(show).join()})`;
    }
  };
  return show(parsed.expression);
}

test.each([
  ["a.b >= 400 && c || !d", "(((a.b >= 400) && c) || (!d))"],
  ["a == 1 + 2 * 3 % 4", "(a == (1 + ((2 * 3) % 4)))"],
  ["a ? b : c ? d : e", "(a ? b : (c ? d : e))"],
  ["1 - 2 - 3", "((1 - 2) - 3)"],
  ['a.b[\'x-y\'].startsWith("\\"q\\x41") ', 'a.b["x-y"].startsWith("\\"qA")'],
  ["m in ['GET', 'PUT'] == true", '((m in ["GET","PUT"]) == true)'],
  ["inner == null", "(inner == null)"],
  ["!!-0x10 == -1", "((!(!(-16))) == (-1))"],
])("%p is %p", (text, tree) => {
  expect(shown(text)).toBe(tree);
});

test.each([
  ["", "unexpected the end"],
  ["a >", "unexpected the end"],
  ["a.(b)", "unexpected ("],
  ["(a", '")" is missing before the end'],
  ["a b", "unexpected b"],
  ["1.5 < a", "1.5 is no integer"],
  ["'open", 'not understood at "\'open"'],
  ["a # b", 'not understood at "# b"'],
  ["'\\q'", "unknown escape \\q"],
  ["in == 1", "unexpected in"],
  [`${"(".repeat(100)}a${")".repeat(100)}`, "nested deeper than 64 levels"],
])("%p is refused: %p", (text, problem) => {
  expect(shown(text)).toBe(problem);
});

test("an expression is bounded, so that nothing recurses without end", () => {
  expect(shown(Array(1_300).fill("a").join("||"))).toStartWith("((((");
  expect(shown("!".repeat(4_096))).toBe("unexpected the end");
  expect(shown("!".repeat(4_097))).toBe("longer than 4096 characters");
});

function unknown(text: string): string | undefined {
  const parsed = parseCel(text);
  return "problem" in parsed ? parsed.problem : notEvaluated(parsed.expression);
}

test("what Heddle's proxy does not evaluate is named", () => {
  expect(unknown("response.code >= 400 || has(request.headers.x) && request.headers['y'].size() < size('abc')")).toBe(
    undefined,
  );
  expect(unknown("response.code == 1 && upstream.address == ''")).toBe("upstream.address");
  expect(unknown("xds.route_name == ''")).toBe("xds.route_name");
  expect(unknown("metadata.filter_metadata['a'] == ''")).toBe("metadata.filter_metadata");
  expect(unknown("request.path.x == ''")).toBe("request.path.x");
  expect(unknown("request == ''")).toBe("request");
  expect(unknown("int(request.path) == 1")).toBe("int()");
  expect(unknown("has(request)")).toBe("has() of what is no field");
  expect(unknown("request.path.matches(request.host)")).toBe("matches() with a pattern that is no literal");
  expect(unknown("request.path.contains()")).toBe("contains() with 0 arguments");
});

test("functions and patterns are found wherever they stand", () => {
  const parsed = parseCel("!a.matches('x') ? [size(b)] == [c['k'.foo()]] : d in [e.matches('y')]");
  if ("problem" in parsed) throw new Error(parsed.problem);
  expect(functionsIn(parsed.expression)).toEqual(["matches", "size", "foo", "matches"]);
  expect(patternsIn(parsed.expression)).toEqual(["x", "y"]);
});
