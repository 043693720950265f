// What the server wants to be sent from now on, in place of what is configured.

import type { BodyMode, ProcessingMode } from "../../../table/filter/ext-proc.ts";
import {
  ProcessingMode_BodySendMode as Body,
  type ProcessingMode as ModeOverride,
  ProcessingMode_HeaderSendMode as Send,
} from "../../../xds/gen/envoy/extensions/filters/http/ext_proc/v3/processing_mode_pb.ts";

/** What goes both ways at once does so to the end, and nothing else begins to. */
function body(mode: number, otherwise: BodyMode): BodyMode {
  if (otherwise === "full-duplex") return otherwise;
  switch (mode) {
    case Body.NONE:
      return "none";
    case Body.STREAMED:
      return "streamed";
    case Body.BUFFERED:
      return "buffered";
    case Body.BUFFERED_PARTIAL:
      return "buffered-partial";
    default:
      return otherwise;
  }
}

function sends(mode: number, otherwise: boolean): boolean {
  return mode === Send.DEFAULT ? otherwise : mode === Send.SEND;
}

export function overriddenMode(mode: ProcessingMode, by: ModeOverride): ProcessingMode {
  return {
    requestHeaders: mode.requestHeaders, // they are what the server has answered to
    responseHeaders: sends(by.responseHeaderMode, mode.responseHeaders),
    requestBody: body(by.requestBodyMode, mode.requestBody),
    responseBody: body(by.responseBodyMode, mode.responseBody),
    requestTrailers: sends(by.requestTrailerMode, mode.requestTrailers),
    responseTrailers: sends(by.responseTrailerMode, mode.responseTrailers),
  };
}
