// `exportTo`: names of namespaces, or of nobody by mistake.

import type { SourceObject } from "../dialect/object.ts";
import type { MeshAnalyzer, Report } from "./analyzer.ts";
import { finding } from "./code.ts";
import { kinds } from "./kinds.ts";
import { namespaceNotRead } from "./namespace/unread.ts";
import type { World } from "./world.ts";

export const exportTo: MeshAnalyzer = {
  name: "exportto.NamespaceAnalyzer",
  about: "namespaces that objects are exported to exist",
  codes: ["KIA0005", "HED1640"],
  scope: "mesh",
  analyze(world, report) {
    const exported = [
      ...world.views(kinds.virtualService),
      ...world.views(kinds.destinationRule),
      ...world.views(kinds.serviceEntry),
    ];
    for (const { object, value } of exported)
      for (const [i, name] of (value.spec.exportTo ?? []).entries())
        checkName(object, name, `spec.exportTo[${i}]`, world, report);
    for (const { object } of world.views(kinds.service)) {
      const names = object.annotations["networking.istio.io/exportTo"]?.split(",") ?? [];
      for (const name of names)
        checkName(object, name.trim(), 'metadata.annotations["networking.istio.io/exportTo"]', world, report);
    }
  },
};

function checkName(object: SourceObject, name: string, path: string, world: World, report: Report): void {
  if (["*", ".", "~", ""].includes(name)) return;
  if (world.unread(name) !== undefined) report(object, path, namespaceNotRead(name, world));
  if (world.namespaces.has(name)) return;
  report(
    object,
    path,
    finding("KIA0005", `no namespace has this name: ${JSON.stringify(name)}`, world.nearest(name, world.namespaces)),
  );
}
