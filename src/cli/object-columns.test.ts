import { expect, test } from "bun:test";
import { columnsText, parseColumns } from "./object-columns.ts";

const OBJECTS = [
  { metadata: { name: "web", labels: { b: "2", a: "1" } }, spec: { hosts: ["web", "web.test"], count: 3, gone: null } },
  { metadata: { name: "a-longer-name" }, spec: { hosts: [] } },
];

test("fields as Go prints them, headings as they were written", () => {
  const columns = parseColumns(
    "Name:.metadata.name,HOSTS:.spec.hosts,EACH:.spec.hosts[*],N:spec.count,L:{.metadata.labels},GONE:.spec.gone",
  );
  expect(columnsText(columns, OBJECTS, true)).toBe(
    [
      "Name            HOSTS            EACH           N        L              GONE",
      "web             [web web.test]   web,web.test   3        map[a:1 b:2]   <none>",
      "a-longer-name   []               <none>         <none>   <none>         <none>",
    ].join("\n"),
  );
});

test("a comma in brackets is the path's own, and headings can be left out", () => {
  const columns = parseColumns("NAME:.metadata.name,TWO:.spec.hosts[0,1]");
  expect(columnsText(columns, OBJECTS.slice(0, 1), false)).toBe("web   web,web.test");
});

test.each(["NAME", "NAME:", ":.metadata.name", "NAME:.metadata.name,HOSTS"])("%p is refused", (text) => {
  expect(() => parseColumns(text)).toThrow(/not HEADING:PATH/);
});
