// Analyzers at work: each by itself, so that the failure of one is a finding and not the end.

import { Failure } from "../base/failure.ts";
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

/** Where analyzers put what they find. */
export function reporter(found: Finding[]): Report {
  return (object, path, message) => void found.push(diagnose(message, object.origin, path, object.spans));
}
