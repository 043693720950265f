import { expect, test } from "bun:test";
import type { Diagnostic } from "../base/diagnostic.ts";
import { FindingsLog } from "./findings-log.ts";
import { styleOf } from "./terminal.ts";

const error: Diagnostic = {
  code: "HED1102",
  severity: "error",
  message: 'weight must be a whole number: "eighty"',
  span: { file: "vs.yaml", line: 2, column: 3, length: 1, text: "  x" },
};
const info: Diagnostic = { code: "HED1025", severity: "info", message: "no effect" };

test("findings are told when they appear and when they are gone, not in between", () => {
  const written: string[] = [];
  const log = new FindingsLog(styleOf({}), (text) => written.push(text));
  const show = (...findings: Diagnostic[]) => {
    log.show({ findings, verdicts: new Map() });
    return written.splice(0).join("");
  };
  expect(show(info)).toBe("");
  expect(show(error, info)).toBe(
    `error[HED1102] vs.yaml:2:3: weight must be a whole number: "eighty"
  2 |   x
    |   ^
  the last good version stays in force
`,
  );
  expect(show(error)).toBe("");
  expect(show()).toBe('resolved HED1102: weight must be a whole number: "eighty"\n');
  expect(show()).toBe("");
});
