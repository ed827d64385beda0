/** The mark of the product, as the icon of the ring's screen and in the head of the sidebar. */
export function RingIcon({ size = 16 }: { readonly size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      <circle cx="16" cy="16" r="11" fill="none" stroke="currentColor" strokeWidth="2.8" />
      <path
        d="M16 5c.8 8.6 3.6 14.6 9.2 17.2"
        fill="none"
        stroke="currentColor"
        strokeWidth="2.8"
        strokeLinecap="round"
      />
      <circle cx="16" cy="5" r="4.2" fill="currentColor" />
      <circle cx="25.5" cy="21.8" r="3" fill="currentColor" />
    </svg>
  );
}
