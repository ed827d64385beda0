/** Finds the peer that a user means: by virtual IP, by host name, or by the first digits of its ring address. */
import { HelperError } from "../contract/contract.ts";
import type { PeerView } from "../overlay/boundary.ts";
import { parseAddress } from "../overlay/ring/address.ts";
import type { AffiliationFacts } from "./present.ts";

/** Names listed where several fit. */
const LISTED = 8;

/** Throws UNKNOWN_PEER or AMBIGUOUS_PEER. */
export function findPeer(facts: AffiliationFacts, written: string): PeerView {
  const wanted = written.trim().toLowerCase();
  const { peers, ringAddress } = facts.node;
  const self = wanted === facts.virtualIp || (wanted.length >= 8 && ringAddress.startsWith(wanted));
  if (self) {
    throw new HelperError(
      "UNKNOWN_PEER",
      `${written} is this computer itself.`,
      "Name another one; ringway peers lists them.",
    );
  }
  const found =
    only(peers.filter(({ virtualIp }) => virtualIp === wanted)) ??
    only(peers.filter(({ name }) => name !== undefined && namesOf(name, facts.name).includes(wanted))) ??
    only(byAddress(peers, wanted));
  if (found === undefined) {
    throw new HelperError(
      "UNKNOWN_PEER",
      `"${facts.name}" has no member "${written}" that this computer knows of.`,
      "ringway peers lists those that it knows.",
    );
  }
  if (found.length > 1) {
    const list = found
      .slice(0, LISTED)
      .map(
        ({ ringAddress: address, name, virtualIp }) => `${address.slice(0, 12)} (${name ?? virtualIp ?? "no name"})`,
      );
    const more = found.length > LISTED ? `, and ${found.length - LISTED} more` : "";
    throw new HelperError(
      "AMBIGUOUS_PEER",
      `"${written}" may be ${list.join(", ")}${more}.`,
      "Give the virtual IP, or more digits of the ring address.",
    );
  }
  return found[0] as PeerView;
}

/** `pc7`, and `pc7.condor-wow.internal` in the affiliation "condor wow". */
function namesOf(name: string, affiliation: string): string[] {
  const label = affiliation
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  const lower = name.toLowerCase();
  return [lower, `${lower}.${label}.internal`];
}

function byAddress(peers: readonly PeerView[], wanted: string): PeerView[] {
  const whole = parseAddress(wanted);
  if (whole) return peers.filter(({ ringAddress }) => ringAddress === whole);
  return /^[0-9a-f]{1,39}$/.test(wanted) ? peers.filter(({ ringAddress }) => ringAddress.startsWith(wanted)) : [];
}

function only(found: PeerView[]): PeerView[] | undefined {
  return found.length > 0 ? found : undefined;
}
