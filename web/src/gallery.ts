/** The stills: a large view over the page, walked through with the arrow keys. */

export function gallery(): void {
  const links = [...document.querySelectorAll<HTMLAnchorElement>("#stills a")];
  const dialog = document.querySelector<HTMLDialogElement>("#viewer");
  const image = dialog?.querySelector("img");
  const words = dialog?.querySelector<HTMLElement>("[data-words]");
  if (!dialog || !image || !words || typeof dialog.showModal !== "function") return;
  let at = 0;
  const show = (index: number): void => {
    at = (index + links.length) % links.length;
    const link = links[at];
    const small = link?.querySelector("img");
    if (!link || !small) return;
    image.src = link.href;
    image.alt = small.alt;
    words.textContent = link.querySelector("[data-caption]")?.textContent ?? small.alt;
  };
  links.forEach((link, index) =>
    link.addEventListener("click", (press) => {
      if (press.ctrlKey || press.metaKey || press.shiftKey) return;
      press.preventDefault();
      show(index);
      dialog.showModal();
    }),
  );
  dialog.addEventListener("keydown", (key) => {
    if (key.key === "ArrowRight") show(at + 1);
    if (key.key === "ArrowLeft") show(at - 1);
  });
  dialog.querySelector("[data-next]")?.addEventListener("click", () => show(at + 1));
  dialog.querySelector("[data-back]")?.addEventListener("click", () => show(at - 1));
  dialog.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (press) => {
    if (press.target === dialog) dialog.close();
  });
}
