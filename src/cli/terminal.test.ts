import { expect, test } from "bun:test";
import { renderTable, styleOf } from "./terminal.ts";

test("colours are for terminals, unless NO_COLOR is set or the terminal is dumb", () => {
  expect(styleOf({ isTTY: true }, {}).red("x")).toBe("\x1b[31mx\x1b[0m");
  expect(styleOf({ isTTY: false }, {}).red("x")).toBe("x");
  expect(styleOf({}, {}).red("x")).toBe("x");
  expect(styleOf({ isTTY: true }, { NO_COLOR: "1" }).red("x")).toBe("x");
  expect(styleOf({ isTTY: true }, { NO_COLOR: "" }).red("x")).toBe("\x1b[31mx\x1b[0m"); // no-color.org: when not empty
  expect(styleOf({ isTTY: true }, { TERM: "dumb" }).red("x")).toBe("x");
});

test("columns are as wide as their widest cell, whatever its colour or script", () => {
  const red = styleOf({ isTTY: true }, {}).red("down");
  expect(
    renderTable(
      ["name", "state", "note"],
      [
        ["a", red, ""],
        ["日本", "up", "x"],
      ],
    ),
  ).toBe(["NAME   STATE   NOTE", `a      ${red}`, "日本   up      x"].join("\n"));
});
