/** What the screens of administration ask of the helper: a look at a join before it is made, and the settings of an affiliation. */
import * as z from "zod";
import { Warning } from "./views.ts";

/** What joining would do. Nothing is saved for it, no socket opened, no name resolved. */
export const JoinPreview = z.object({
  affiliation: z.string(),
  security: z.enum(["closed", "passphrase", "open"]),
  subnet: z.string(),
  /** The address that is claimed; null where one is found on joining. */
  virtualIp: z.string().nullable(),
  /** Name that the virtual interface gets. */
  interface: z.string(),
  transport: z.enum(["auto", "udp", "tcp"]),
  startAddresses: z.array(z.string()),
  warnings: z.array(Warning),
  /** Why the interface could not come up now: what of this computer overlaps the subnet. */
  clash: z
    .object({
      ours: z.string(),
      other: z.string(),
      /** The interface that owns the other range; empty where the system names none. */
      owner: z.string(),
      /** The affiliation of this helper that `owner` belongs to, if any. */
      affiliation: z.string().nullable(),
    })
    .nullable(),
  alreadyJoined: z.boolean(),
});
export type JoinPreview = z.infer<typeof JoinPreview>;

/** What a user may set for one affiliation; null is "automatic" where that exists. */
export const AffiliationSettings = z.object({
  affiliation: z.string(),
  interfaceName: z.string(),
  virtualIp: z.string().nullable(),
  mtuBytes: z.int(),
  transport: z.enum(["auto", "udp", "tcp"]),
  /** Of the helper's sockets, which all its affiliations share. */
  port: z.int().nullable(),
  startAddresses: z.array(z.string()),
  /** Links that this computer makes for its traffic at a time. */
  shortcuts: z.int(),
  /** Whether it carries tunnels of others. */
  relay: z.boolean(),
  /** How this computer and its place are shown to other members. */
  name: z.string().nullable(),
  site: z.string().nullable(),
});
export type AffiliationSettings = z.infer<typeof AffiliationSettings>;

/** The settings to change; those left out stay. The helper checks each value and says what is wrong with it. */
export const AffiliationChange = z.strictObject({
  interfaceName: z.string().max(64).exactOptional(),
  virtualIp: z.string().max(64).nullable().exactOptional(),
  /** Null: the default. */
  mtuBytes: z.int().nullable().exactOptional(),
  transport: z.enum(["auto", "udp", "tcp"]).exactOptional(),
  /** Null: any. */
  port: z.int().nullable().exactOptional(),
  startAddresses: z.array(z.string().max(300)).max(64).exactOptional(),
  /** Null: the default. */
  shortcuts: z.int().nullable().exactOptional(),
  relay: z.boolean().exactOptional(),
  name: z.string().max(256).nullable().exactOptional(),
  site: z.string().max(256).nullable().exactOptional(),
});
export type AffiliationChange = z.infer<typeof AffiliationChange>;
