// The mesh's settings as they are for proxies with a word of their own on HTTP.

import type { MeshSettings } from "../model/settings.ts";
import type { OwnHttp } from "../model/workload.ts";

const made = new WeakMap<MeshSettings, Map<string, MeshSettings>>();

/** The same object for the same words. */
export function settingsWith(settings: MeshSettings, own: OwnHttp | undefined): MeshSettings {
  if (!own) return settings;
  const known = made.get(settings) ?? new Map<string, MeshSettings>();
  made.set(settings, known);
  const key = JSON.stringify(own);
  const { headers: proxyHeaders = settings.proxyHeaders, connections = settings.connections } = own;
  const found = known.get(key) ?? { ...settings, proxyHeaders, connections };
  known.set(key, found);
  return found;
}
