/** All screens of the window, in the order of the sidebar. A screen that is not here has no entry there. */
import { House, List } from "lucide-react";
import { OverviewScreen } from "./features/overview/overview-screen.tsx";
import { PeersBadge, PeersFacts, PeersScreen } from "./features/peers/peers-screen.tsx";
import { RingFacts, RingScreen } from "./features/ring-map/ring-screen.tsx";
import { RingIcon } from "./shell/ring-icon.tsx";
import type { ScreenSpec } from "./shell/screen.tsx";

export const screens: readonly ScreenSpec[] = [
  { id: "overview", title: "nav.overview", icon: House, letter: "o", group: 1, Screen: OverviewScreen },
  {
    id: "ring",
    title: "nav.ring",
    icon: RingIcon,
    letter: "r",
    group: 1,
    inspector: true,
    fills: true,
    Screen: RingScreen,
    Facts: RingFacts,
  },
  {
    id: "peers",
    title: "nav.peers",
    icon: List,
    letter: "p",
    group: 1,
    inspector: true,
    fills: true,
    Screen: PeersScreen,
    Facts: PeersFacts,
    Badge: PeersBadge,
  },
];
