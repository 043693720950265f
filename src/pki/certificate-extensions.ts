// The extensions of a certificate that trust depends on (RFC 5280 4.2.1). Subject alternative names come from the DER and never
// from a rendered string: a comma inside a name once made one name look like two (CVE-2021-44532).
import { contextPrimitive, DerReader, TAG } from "./der-reader.ts";
import { OID } from "./oid.ts";
import { MalformedError } from "./parsed.ts";

/** Bits of the keyUsage extension, as RFC 5280 4.2.1.3 numbers them. */
export const KEY_USAGE = {
  digitalSignature: 1 << 0,
  keyEncipherment: 1 << 2,
  keyAgreement: 1 << 4,
  keyCertSign: 1 << 5,
  cRLSign: 1 << 6,
} as const;

/** The names of the subject (RFC 5280 4.2.1.6). */
export interface SubjectAltNames {
  readonly critical: boolean;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  /** Names of other kinds: addresses, mail boxes, directory names. */
  readonly others: number;
}

/** What the extensions say; absent ones are undefined or empty. */
export interface CertificateExtensions {
  readonly altNames: SubjectAltNames;
  /** Undefined when the extension is absent, which means a leaf. */
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | undefined } | undefined;
  readonly keyUsage: { readonly critical: boolean; readonly bits: number } | undefined;
  /** Object identifiers; undefined when absent, which means any usage. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** What certificates that it issues name in their authorityKeyIdentifier. */
  readonly subjectKeyIdentifier: Uint8Array | undefined;
  /** Critical extensions that Heddle does not process: such a certificate proves nothing (RFC 5280 4.2). */
  readonly unknownCritical: readonly string[];
}

type Extension = { readonly critical: boolean; readonly value: Uint8Array };

/** 32, where a leaf of a mesh has 6 and public ones have 10. */
const MAX_EXTENSIONS = 32;
/** 512 names in one certificate; an X.509-SVID has one URI, a server of a public authority up to 250 names. */
const MAX_NAMES = 512;

const NO_NAMES: SubjectAltNames = { critical: false, uris: [], dnsNames: [], others: 0 };
/** `certificatePolicies` states under which rules a certificate was issued, which no verifier of a mesh asks about. */
const PROCESSED: readonly string[] = [
  OID.subjectAltName,
  OID.basicConstraints,
  OID.keyUsage,
  OID.extendedKeyUsage,
  OID.certificatePolicies,
];

/** Reads the SEQUENCE OF Extension; undefined means that the certificate has none. */
export function readExtensions(list: DerReader | undefined): CertificateExtensions {
  const found = new Map<string, Extension>();
  while (list && !list.atEnd) {
    const item = list.enter(TAG.sequence);
    const name = item.oid();
    const critical = item.next(TAG.boolean) ? item.boolean() : false;
    const value = item.contents(TAG.octetString);
    item.expectEnd();
    if (found.has(name)) throw new MalformedError(`extension ${name} occurs twice`);
    if (found.size === MAX_EXTENSIONS) throw new MalformedError(`more than ${MAX_EXTENSIONS} extensions`);
    found.set(name, { critical, value });
  }
  return {
    altNames: readAltNames(found.get(OID.subjectAltName)),
    basicConstraints: readBasicConstraints(found.get(OID.basicConstraints)),
    keyUsage: readKeyUsage(found.get(OID.keyUsage)),
    extendedKeyUsage: readExtendedKeyUsage(found.get(OID.extendedKeyUsage)),
    subjectKeyIdentifier: readKeyIdentifier(found.get(OID.subjectKeyIdentifier)),
    unknownCritical: [...found]
      .filter(([name, { critical }]) => critical && !PROCESSED.includes(name))
      .map(([name]) => name),
  };
}

/** GeneralNames; the tags are those of RFC 5280 4.2.1.6: [1] mail, [2] DNS, [6] URI, [7] address. */
export function readAltNames(extension: Extension | undefined): SubjectAltNames {
  if (extension === undefined) return NO_NAMES;
  const uris: string[] = [];
  const dnsNames: string[] = [];
  let others = 0;
  const names = open(extension);
  while (!names.atEnd) {
    if (uris.length + dnsNames.length + others === MAX_NAMES)
      throw new MalformedError(`more than ${MAX_NAMES} subject alternative names`);
    const { tag, contents } = names.any();
    if (tag === contextPrimitive(6)) uris.push(ia5(contents));
    else if (tag === contextPrimitive(2)) dnsNames.push(ia5(contents));
    else others++;
  }
  return { critical: extension.critical, uris, dnsNames, others };
}

function readBasicConstraints(extension: Extension | undefined): CertificateExtensions["basicConstraints"] {
  if (extension === undefined) return undefined;
  const constraints = open(extension);
  const ca = constraints.next(TAG.boolean) ? constraints.boolean() : false;
  const pathLength = constraints.next(TAG.integer) ? constraints.smallInteger() : undefined;
  constraints.expectEnd();
  if (pathLength !== undefined && !ca) throw new MalformedError("a path length on a certificate that is no authority");
  return { ca, pathLength };
}

function readKeyUsage(extension: Extension | undefined): CertificateExtensions["keyUsage"] {
  if (extension === undefined) return undefined;
  const reader = new DerReader(extension.value);
  const bits = reader.namedBits();
  reader.expectEnd();
  return { critical: extension.critical, bits };
}

function readExtendedKeyUsage(extension: Extension | undefined): readonly string[] | undefined {
  if (extension === undefined) return undefined;
  const usages: string[] = [];
  const reader = open(extension);
  while (!reader.atEnd && usages.length < MAX_EXTENSIONS) usages.push(reader.oid());
  reader.expectEnd();
  return usages;
}

function readKeyIdentifier(extension: Extension | undefined): Uint8Array | undefined {
  if (extension === undefined) return undefined;
  const reader = new DerReader(extension.value);
  const identifier = reader.contents(TAG.octetString);
  reader.expectEnd();
  return identifier;
}

/** The SEQUENCE that is an extension's whole value. */
function open(extension: Extension): DerReader {
  const reader = new DerReader(extension.value);
  const contents = reader.enter(TAG.sequence);
  reader.expectEnd();
  return contents;
}

/** IA5String: ASCII without control characters, so that a name can be logged and compared as it stands. */
function ia5(contents: Uint8Array): string {
  if (!contents.every((byte) => byte >= 0x20 && byte < 0x7f))
    throw new MalformedError("subject alternative name holds bytes outside printable ASCII");
  return Buffer.from(contents).toString("latin1");
}
