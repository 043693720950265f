// Analyzers at work: each by itself, so that the failure of one is a finding and not the end.

import { Failure } from "../base/failure.ts";
import { READ_LIMITS } from "../dialect/limits.ts";
import { diagnose } from "../model/message.ts";
import type { Analyzer, Report } from "./analyzer.ts";
import type { Finding } from "./code.ts";
import type { World } from "./world.ts";

/** In the order of the analyzers. */
export function findingsOf(analyzers: readonly Analyzer[], world: World): Finding[] {
  const found: Finding[] = [];
  const report = reporter(found);
  for (const analyzer of analyzers) {
    try {
      if (analyzer.scope === "mesh") analyzer.analyze(world, report);
      else for (const object of world.objects) analyzer.analyze(object, report, world.settings);
    } catch (thrown) {
      const message = `Internal error: analyzer ${analyzer.name}: ${Failure.from(thrown).message}`;
      found.push({ code: "IST0001", severity: "error", message });
    }
  }
  return found;
}

/** Where analyzers put what they find: of one object and code as much as of an object's fields, the rest would not be read. */
export function reporter(found: Finding[]): Report {
  const counts = new Map<string, number>();
  return (object, path, message) => {
    const key = `${message.severity} ${message.code} ${object.key}`;
    const count = counts.get(key) ?? 0;
    if (count >= READ_LIMITS.findings) return;
    counts.set(key, count + 1);
    found.push(diagnose(message, object.origin, path, object.spans));
  };
}
