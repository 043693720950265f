// What a caller showed, from the forms in which a connection gives it: the authorization field and the client's certificates.
import { parseCertificate } from "../pki/certificate.ts";
import { attempt, type Parsed, unwrap } from "../pki/parsed.ts";
import type { Credentials } from "./attest.ts";

/** A call's proofs as they arrive: the `authorization` field, and the client's chain in DER, the leaf first, empty without one. */
export interface Presented {
  readonly authorization: string | undefined;
  readonly certificates: readonly Uint8Array[];
}

/** Reads them. A certificate that TLS accepted but that cannot be read here is a fault of the caller: it must not count as none. */
export function readCredentials({ authorization, certificates }: Presented): Parsed<Credentials> {
  return attempt(() => ({
    bearer: bearerOf(authorization),
    certificates: certificates.map((der) => unwrap(parseCertificate(der))),
  }));
}

/** RFC 6750 2.1; the scheme is case-insensitive (RFC 9110 11.1). Other schemes are no credential here. */
function bearerOf(authorization: string | undefined): string | undefined {
  return /^bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization ?? "")?.[1];
}
