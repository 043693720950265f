// What changes from one second to the next. The seed decides the order.

import type { Endpoints, Moment } from "./configuration.ts";
import type { ApplicationName, Served } from "./load/told.ts";
import type { Random } from "./random.ts";

/** An application that goes without a word: connections reset, port closed, for so long. */
export interface Outage {
  readonly application: ApplicationName;
  readonly served: Served;
  readonly ms: number;
}

export interface Change {
  readonly what: string;
  readonly moment: Moment;
  readonly outage?: Outage;
}

const SETS: readonly Endpoints[] = [["a"], ["b"], ["a", "b"]];
const OUTAGES: readonly Served[] = ["http", "grpc", "bytes"];

const CHANGES: readonly ((moment: Moment, random: Random) => Change)[] = [
  (moment, random) => ({ what: "weights", moment: { ...moment, weight: random.below(101) } }),
  (moment) => ({ what: "routes", moment: { ...moment, routes: moment.routes + 1 } }),
  (moment, random) => ({ what: "endpoints", moment: { ...moment, mesh: SETS[random.below(SETS.length)]! } }),
  (moment, random) => ({ what: "plain endpoints", moment: { ...moment, plain: SETS[random.below(SETS.length)]! } }),
  (moment) => ({ what: "clusters", moment: { ...moment, clusters: moment.clusters + 1 } }),
  (moment) => ({ what: "listeners", moment: { ...moment, listeners: moment.listeners + 1 } }),
  (moment) => ({ what: "visitors' listener", moment: { ...moment, visitors: !moment.visitors } }),
  (moment) => ({ what: "servers' clusters", moment: { ...moment, serverClusters: moment.serverClusters + 1 } }),
  (moment) => ({ what: "servers' listeners", moment: { ...moment, serverListeners: moment.serverListeners + 1 } }),
  (moment, random) => ({
    what: "outages",
    moment,
    outage: {
      application: random.below(2) === 0 ? "a" : "b",
      served: OUTAGES[random.below(OUTAGES.length)]!,
      ms: 100 + random.below(600),
    },
  }),
];

export function nextChange(moment: Moment, random: Random): Change {
  return CHANGES[random.below(CHANGES.length)]!(moment, random);
}
