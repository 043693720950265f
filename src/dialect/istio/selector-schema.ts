// The two forms in which Istio's kinds select workloads, with the bounds that its definitions have.

import { bounded, mapOf, record, text } from "../schema.ts";

const LABELS = mapOf(text("label-value"), "label-key");

export const MATCH_LABELS = bounded(4_096, LABELS);

/** Of policies. */
export const WORKLOAD_SELECTOR = record({ matchLabels: MATCH_LABELS });

/** Of Sidecar, EnvoyFilter and ServiceEntry. */
export const LABEL_SELECTOR = record({ labels: bounded(256, LABELS) });
