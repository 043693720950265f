// Telemetry without a provider is ignored as a whole.

import type { ObjectAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { viewAs } from "../view.ts";

export const telemetryProviders: ObjectAnalyzer = {
  name: "telemetry.ProviderAnalyzer",
  about: "providers of Telemetry have names",
  codes: ["IST0157"],
  scope: "object",
  analyze(object, report) {
    const view = viewAs(kinds.telemetry, object);
    for (const section of ["tracing", "metrics", "accessLogging"] as const)
      for (const [i, { providers }] of (view?.value.spec?.[section] ?? []).entries())
        if (providers && (providers.length === 0 || providers.some(({ name }) => !name)))
          report(
            object,
            `spec.${section}[${i}].providers`,
            finding(
              "IST0157",
              `The Telemetry ${object.origin.name} in namespace "${object.origin.namespace}" with empty providers will be ignored`,
              "providers: [{name: …}], or no providers for the mesh's own",
            ),
          );
  },
};
