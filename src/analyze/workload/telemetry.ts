// Telemetry that names nobody to tell, where the mesh's settings name nobody either (pkg/config/analysis/analyzers/telemetry).

import type { MeshAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";

const SECTIONS = ["tracing", "metrics", "accessLogging"] as const;

export const telemetryProviders: MeshAnalyzer = {
  name: "telemetry.ProviderAnalyzer",
  about: "Telemetry names somebody to tell",
  codes: ["IST0157"],
  scope: "mesh",
  analyze(world, report) {
    const named = world.settings.defaultProviders.logging.length > 0;
    for (const { object, namespace, name, value } of world.views(kinds.telemetry))
      for (const section of SECTIONS)
        for (const [i, { providers, disabled }] of (value.spec?.[section] ?? []).entries()) {
          const isUnset = providers === undefined && section === "accessLogging" && !named && disabled !== true;
          const isEmpty = providers !== undefined && (providers.length === 0 || providers.some((one) => !one.name));
          if (!isUnset && !isEmpty) continue;
          const path = `spec.${section}[${i}]`;
          report(
            object,
            isUnset ? path : `${path}.providers`,
            finding(
              "IST0157",
              `The Telemetry ${name} in namespace "${namespace}" with empty providers will be ignored`,
              isUnset ? "providers: [{name: envoy}]" : "providers: [{name: …}], or no providers for the mesh's own",
            ),
          );
        }
  },
};
