// VirtualService `mirror` and `mirrors`.

import type { Mirror } from "../../model/route.ts";
import { joinPath } from "../path.ts";
import { readTarget } from "./destinations.ts";
import * as diagnostics from "./diagnostics.ts";
import type { Reading } from "./reading.ts";
import type { HttpRouteSpec } from "./virtual-service-schema.ts";

/** Every request unless it is said; none where the percentage is 0 (MirrorPercent). Undefined: neither field is there. */
export function readMirrors(spec: HttpRouteSpec, path: string, reading: Reading): readonly Mirror[] | undefined {
  const { mirror, mirrors = [], mirrorPercentage, mirrorPercent } = spec;
  if (mirror && mirrors.length > 0) reading.reporter.report(joinPath(path, "mirrors"), diagnostics.mirrorTwice());
  if (!mirror && mirrors.length === 0) return undefined;
  const listed = mirrors.map(({ destination, percentage }, i) => ({
    target: readTarget(destination, `${path}.mirrors[${i}].destination`, reading),
    percent: percentage ? (percentage.value ?? 0) : 100,
  }));
  const single = mirror && {
    target: readTarget(mirror, joinPath(path, "mirror"), reading),
    percent: mirrorPercentage ? (mirrorPercentage.value ?? 0) : (mirrorPercent ?? 100),
  };
  return [...(single ? [single] : []), ...listed].filter(({ percent }) => percent > 0);
}
