// Where resources go that a stream brings: into the configuration of this process, or to the workers that serve with it.

import { logger } from "../base/log.ts";
import type { Steps } from "../base/steps.ts";
import type { DeltaDiscoveryResponse } from "../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { Rejection, Update } from "../xds/update.ts";
import type { Configuration } from "./configuration.ts";
import { applyUpdate } from "./update.ts";

const log = logger("proxy");

/** The names that are asked for, of the types that other resources name. */
export interface WantedResources {
  readonly endpoints: ReadonlySet<string>;
  readonly routes: ReadonlySet<string>;
  /** On the same stream; those of the agent come by themselves. */
  readonly secrets: ReadonlySet<string>;
}

export interface ResourceSink {
  /** Puts `update`, read from `response`, in force, and says what of it could not be. `done` is called once, by the steps or later. */
  apply(
    update: Update,
    response: DeltaDiscoveryResponse,
    done: (rejections: readonly Rejection[]) => void,
  ): Steps<void>;
  /** What is in force asks for this. */
  readonly wanted: WantedResources;
  /** The control plane tells of these only, from now on. */
  keep(wanted: WantedResources): void;
}

export function wantedOf({ clusterManager, listenerManager }: Configuration): WantedResources {
  return {
    endpoints: clusterManager.endpointNames,
    routes: listenerManager.routeNames,
    secrets: new Set([...listenerManager.discoveredSecrets, ...clusterManager.discoveredSecrets]),
  };
}

/** A defect of ours is a refusal too: without a verdict, no later request of the session would go out. */
function* put(update: Update, configuration: Configuration): Steps<readonly Rejection[]> {
  try {
    return yield* applyUpdate(update, configuration);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    log.error("update failed", { type: update.kind, error: error instanceof Error ? error : text });
    return update.resources.map(({ name }) => ({ name, path: "", reason: `could not be applied: ${text}` }));
  }
}

/** Of a proxy that is one process. */
export function configurationSink(configuration: Configuration): ResourceSink {
  return {
    *apply(update, _, done) {
      done(yield* put(update, configuration));
    },
    get wanted() {
      return wantedOf(configuration);
    },
    keep({ endpoints, routes }) {
      configuration.keepEndpoints(endpoints);
      configuration.keepRoutes(routes);
    },
  };
}
