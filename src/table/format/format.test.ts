import { expect, test } from "bun:test";
import { parseFormat } from "./format.ts";

test("%% is a percent sign, at the end too, and a value of the environment may hold one", () => {
  expect(parseFormat("100%% %PROTOCOL% %ENVIRONMENT(LOAD)% 5%%", { LOAD: "7%" })).toEqual({
    format: [
      { kind: "text", text: "100% " },
      { kind: "operator", name: "PROTOCOL" },
      { kind: "text", text: " 7% 5%" },
    ],
  });
});

test("an unknown or unfinished operator is refused by name", () => {
  expect(parseFormat("%NONE%", {})).toEqual({ error: "unknown operator %NONE%" });
  for (const source of ["50% of %PROTOCOL%", "%PROTOCOL", "%PROTOCOL% 5%"])
    expect(parseFormat(source, {})).toHaveProperty("error");
});
