/** What a user may set for an affiliation: read, checked and changed in its membership. */
import { type AffiliationChange, type AffiliationSettings, HelperError } from "#contract";
import { type FieldResult, fields, MTU_BYTES, SHORTCUTS } from "./config-fields.ts";
import type { Membership } from "./state-store.ts";

/** `port` is the one that the user set for the helper's sockets; null: any. */
export function settingsOf(membership: Membership, port: number | null): AffiliationSettings {
  const { affiliation, interfaceName, virtualIp, mtuBytes, startAddresses, name, site, transport } = membership;
  return {
    affiliation,
    interfaceName,
    virtualIp,
    mtuBytes,
    transport,
    port,
    startAddresses: [...startAddresses],
    shortcuts: membership.shortcuts ?? SHORTCUTS.default,
    relay: membership.relay ?? true,
    name,
    site,
  };
}

/** The port that a change asks for: null is any, undefined the one of before. Throws BAD_ARGUMENT. */
export function wantedPort({ port }: AffiliationChange): number | null | undefined {
  if (port === undefined || port === null) return port;
  return checked(fields.port(String(port))) || null;
}

/**
 * The membership with the change; the same object where nothing differs. Throws BAD_ARGUMENT with what is wrong.
 * `takenInterfaces` are those of the other affiliations, with their names.
 */
export function changedMembership(
  membership: Membership,
  change: AffiliationChange,
  takenInterfaces: ReadonlyMap<string, string>,
): Membership {
  const next: Membership = { ...membership };
  if (change.interfaceName !== undefined) {
    next.interfaceName = checked(fields.interfaceName(change.interfaceName));
    const owner = takenInterfaces.get(next.interfaceName);
    if (owner !== undefined) {
      throw new HelperError(
        "BAD_ARGUMENT",
        `The interface ${next.interfaceName} belongs to "${owner}".`,
        "Choose another name.",
      );
    }
  }
  if (change.virtualIp !== undefined)
    next.virtualIp = change.virtualIp === null ? null : checked(fields.virtualIp(change.virtualIp));
  if (change.mtuBytes !== undefined)
    next.mtuBytes = change.mtuBytes === null ? MTU_BYTES.default : checked(fields.mtuBytes(change.mtuBytes));
  if (change.transport !== undefined) next.transport = change.transport;
  if (change.shortcuts !== undefined) {
    if (change.shortcuts === null) delete next.shortcuts;
    else next.shortcuts = checked(fields.shortcuts(change.shortcuts));
  }
  if (change.relay !== undefined) {
    if (change.relay) delete next.relay;
    else next.relay = false;
  }
  if (change.startAddresses !== undefined)
    next.startAddresses = change.startAddresses.map((text) => checked(fields.startAddress(text)));
  if (change.name !== undefined)
    next.name = change.name === null ? null : checked(fields.label(change.name, "the name", 63));
  if (change.site !== undefined)
    next.site = change.site === null ? null : checked(fields.label(change.site, "the site", 32));
  return JSON.stringify(next) === JSON.stringify(membership) ? membership : next;
}

function checked<T>(result: FieldResult<T>): T {
  if (result.ok) return result.value;
  throw new HelperError(
    "BAD_ARGUMENT",
    `${result.what.charAt(0).toUpperCase()}${result.what.slice(1)}.`,
    result.remedy,
  );
}
