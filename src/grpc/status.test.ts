import { expect, test } from "bun:test";
import fc from "fast-check";
import { GRPC_STATUS, type GrpcCode } from "../base/grpc-code.ts";
import { isGrpc, readStatus, statusOfHttp, statusTrailers } from "./status.ts";

test("any status survives its trailers, which are printable ASCII", () => {
  const code = fc.constantFrom(...(Object.keys(GRPC_STATUS) as GrpcCode[]));
  const message = fc.string({ unit: "grapheme", maxLength: 60 }).filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(code, message, (code, message) => {
      const trailers = statusTrailers({ code, message });
      for (const value of trailers) expect(value).toMatch(/^[ -~]*$/);
      expect(readStatus(trailers)).toEqual({ code, message });
    }),
  );
});

test("a percent sign and a line break are escaped, a space is not", () => {
  expect(statusTrailers({ code: "ABORTED", message: "100 %\nü" })).toEqual([
    "grpc-status",
    "10",
    "grpc-message",
    "100 %25%0A%C3%BC",
  ]);
});

test("a message that cannot be decoded is shown as it came; an unknown code is UNKNOWN; no code is none", () => {
  expect(readStatus(["grpc-status", "7", "grpc-message", "50% off"])).toEqual({
    code: "PERMISSION_DENIED",
    message: "50% off",
  });
  expect(readStatus(["grpc-status", "99"])?.code).toBe("UNKNOWN");
  expect(readStatus(["grpc-status", "x"])?.code).toBe("UNKNOWN");
  expect(readStatus(["grpc-message", "x"])).toBeUndefined();
});

test("HTTP statuses mean what gRPC's table says", () => {
  const codes = [400, 401, 403, 404, 429, 500, 502, 503, 504].map((status) => statusOfHttp(status).code);
  expect(codes.join(" ")).toBe(
    "INTERNAL UNAUTHENTICATED PERMISSION_DENIED UNIMPLEMENTED UNAVAILABLE UNKNOWN UNAVAILABLE UNAVAILABLE UNAVAILABLE",
  );
});

test("gRPC by content-type", () => {
  for (const type of ["application/grpc", "application/grpc+proto", "application/grpc; charset=utf-8"])
    expect(isGrpc(["content-type", type])).toBe(true);
  for (const type of ["application/grpc-web", "application/json", ""])
    expect(isGrpc(["content-type", type])).toBe(false);
});
