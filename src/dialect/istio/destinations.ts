// Weighted destinations of HTTP, TLS and TCP routes.

import { type BackendTarget, NO_HEADERS, type WeightedBackend } from "../../model/route.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./diagnostics.ts";
import { type HeadersRead, readHeaders } from "./http-headers.ts";
import { resolveHost } from "./names.ts";
import type { Reading } from "./reading.ts";
import type { DestinationSpec, HeadersSpec } from "./virtual-service-schema.ts";

interface WeightedSpec {
  readonly destination: DestinationSpec;
  readonly weight?: number;
  readonly headers?: HeadersSpec;
}

export interface DestinationsRead {
  readonly backends: readonly WeightedBackend[];
  /** The host that the only destination's headers set. */
  readonly host?: string | undefined;
}

/**
 * Weights are shares and need not add up to 100; a single destination ignores its weight; of several, those of weight 0 are
 * dropped. `path` is that of the list.
 */
export function readDestinations(specs: readonly WeightedSpec[], path: string, reading: Reading): DestinationsRead {
  const { reporter } = reading;
  checkWeights(specs, path, reporter);
  const single = specs.length === 1;
  const read = specs.map((spec, i) => ({
    spec,
    at: joinPath(path, i),
    headers: readHeaders(spec.headers, joinPath(joinPath(path, i), "headers"), reporter),
  }));
  return {
    backends: read
      .filter(({ spec }) => single || (spec.weight ?? 0) > 0)
      .map(({ spec, at, headers }) => {
        const read = backend(spec, joinPath(at, "destination"), single ? 100 : spec.weight!, reading, headers);
        return single || headers.host === undefined ? read : { ...read, authority: headers.host };
      }),
    host: single ? read[0]!.headers.host : undefined,
  };
}

function backend(
  spec: WeightedSpec,
  path: string,
  weight: number,
  reading: Reading,
  { request, response }: HeadersRead,
): WeightedBackend {
  const target = readTarget(spec.destination, path, reading);
  return { target, weight, requestHeaders: request ?? NO_HEADERS, responseHeaders: response ?? NO_HEADERS };
}

export function readTarget(
  { host, subset, port }: DestinationSpec,
  path: string,
  { namespace, settings }: Reading,
): BackendTarget {
  return {
    kind: "service",
    host: resolveHost(host, namespace, settings.clusterDomain),
    subset,
    port: port?.number,
    path,
  };
}

/** Istio takes any weights; most that do not add up to 100 are mistakes all the same, so the shares they come to are spelled out. */
function checkWeights(specs: readonly WeightedSpec[], path: string, reporter: Reporter): void {
  const total = specs.reduce((sum, spec) => sum + (spec.weight ?? 0), 0);
  if (specs.length === 1) {
    const { weight } = specs[0]!;
    if (weight !== undefined && weight !== 100 && weight !== 0)
      reporter.report(`${path}[0].weight`, diagnostics.weightsNot100(weight, [100]));
    return;
  }
  if (total === 0) {
    reporter.report(path, diagnostics.weightsAllZero());
    return;
  }
  specs.forEach((spec, i) => {
    if (spec.weight === undefined) reporter.report(joinPath(path, i), diagnostics.destinationWithoutWeight());
  });
  if (total !== 100)
    reporter.report(
      path,
      diagnostics.weightsNot100(
        total,
        specs.map((spec) => ((spec.weight ?? 0) / total) * 100),
      ),
    );
}
