// MeshConfig: no kind of its own, but fields like one's.

import { DESTINATION_RULE } from "./words/destination-rule.ts";
import { MESH_CONFIG_WORDS } from "./words/mesh-config.ts";
import { SHARED } from "./words/shared.ts";
import { type WordsByPath, wordsOn } from "./words.ts";

export const SETTINGS_ABOUT = "What holds for the whole mesh before anybody writes a policy";

export const settingsWords: WordsByPath = (path) => wordsOn(path, MESH_CONFIG_WORDS, SHARED, DESTINATION_RULE.fields);

/** Of `heddle up --mesh-config`. */
export const SETTINGS_EXAMPLE = `accessLogFile: /dev/stdout
accessLogEncoding: JSON
outboundTrafficPolicy: {mode: REGISTRY_ONLY}
pathNormalization: {normalization: MERGE_SLASHES}
extensionProviders:
- name: ask
  envoyExtAuthzGrpc: {service: authz.shop.svc.cluster.local, port: 9000}
`;
