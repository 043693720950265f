// SETTINGS of a peer, checked (RFC 9113 6.5.2, RFC 8441 3).

import { DEFAULT_FRAME_BYTES, MAX_WINDOW, readUint32, SETTING } from "./frame.ts";
import { VIOLATION, type Violation } from "./violation.ts";

/** What one frame set, of what matters here. */
export interface PeerSettings {
  /** Each value in turn: the encoder owes the peer the smallest. */
  headerTableBytes?: number[];
  maxConcurrentStreams?: number;
  initialWindow?: number;
  maxFrameBytes?: number;
  enableConnectProtocol?: boolean;
}

const MAX_ENTRIES = 64; // a frame may hold 2,730, each of which costs more to apply than to send

/** The settings in bytes[start, end), the last of each winning; or what is wrong with them. */
export function readSettings(bytes: Buffer, start: number, end: number): PeerSettings | Violation {
  if ((end - start) % 6 !== 0) return VIOLATION.frameSize;
  if (end - start > MAX_ENTRIES * 6) return VIOLATION.controlFlood;
  const settings: PeerSettings = {};
  for (let at = start; at < end; at += 6) {
    const violation = readSetting(settings, (bytes[at]! << 8) | bytes[at + 1]!, readUint32(bytes, at + 2));
    if (violation !== undefined) return violation;
  }
  return settings;
}

function readSetting(settings: PeerSettings, setting: number, value: number): Violation | undefined {
  switch (setting) {
    case SETTING.headerTableSize:
      settings.headerTableBytes ??= [];
      settings.headerTableBytes.push(value);
      return undefined;
    case SETTING.enablePush:
      return value > 1 ? VIOLATION.payload : undefined;
    case SETTING.maxConcurrentStreams:
      settings.maxConcurrentStreams = value;
      return undefined;
    case SETTING.initialWindowSize:
      if (value > MAX_WINDOW) return VIOLATION.flowControl;
      settings.initialWindow = value;
      return undefined;
    case SETTING.maxFrameSize:
      if (value < DEFAULT_FRAME_BYTES || value > 0xffffff) return VIOLATION.payload;
      settings.maxFrameBytes = value;
      return undefined;
    case SETTING.enableConnectProtocol:
      if (value > 1) return VIOLATION.payload;
      settings.enableConnectProtocol = value === 1;
      return undefined;
    default:
      return undefined; // RFC 9113 6.5.2: unknown settings are ignored
  }
}
