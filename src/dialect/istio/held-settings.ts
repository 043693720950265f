// Settings of which one value is what holds anyhow, and the other is not acted on.

import { notSupportedYet } from "../diagnostics.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import type { MeshConfigSpec } from "./mesh-config-schema.ts";

/** `spec` stands at `path`. */
export function checkHeld(
  { disableEnvoyListenerLog, defaultConfig = {} }: MeshConfigSpec,
  path: string,
  reporter: Reporter,
): void {
  if (disableEnvoyListenerLog === false)
    reporter.report(
      joinPath(path, "disableEnvoyListenerLog"),
      notSupportedYet("disableEnvoyListenerLog: false", "no proxy logs the connections that its listeners refuse"),
    );
  if (defaultConfig.holdApplicationUntilProxyStarts === false)
    reporter.report(
      joinPath(joinPath(path, "defaultConfig"), "holdApplicationUntilProxyStarts"),
      notSupportedYet("holdApplicationUntilProxyStarts: false", "`heddle run` starts the program after its proxy"),
    );
}
