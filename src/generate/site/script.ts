/** The page's script; without it the page says the same, but for versions, copy buttons and the visitor's own platform. */
export const script = `
(() => {
  const said = document.getElementById("said");
  const say = (text) => { said.textContent = ""; setTimeout(() => { said.textContent = text; }, 50); };

  for (const button of document.querySelectorAll(".command button")) {
    const code = button.parentNode.querySelector("code");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        const range = document.createRange();
        range.selectNodeContents(code);
        const selection = getSelection();
        selection.removeAllRanges();
        selection.addRange(range);
        if (!document.execCommand("copy")) return say("Select the command and copy it");
      }
      button.textContent = "Copied";
      button.classList.add("done");
      say("Copied: " + code.textContent);
      setTimeout(() => { button.textContent = "Copy"; button.classList.remove("done"); }, 2000);
    });
  }

  const choose = (value) => {
    const radio = [...document.querySelectorAll('input[name="platform"]')].find((one) => one.value === value);
    if (radio) radio.checked = true;
    return Boolean(radio);
  };
  const agent = navigator.userAgent;
  const system = /Windows/.test(agent) ? "windows" : /Mac OS X|Macintosh/.test(agent) ? "darwin" : /Linux|X11/.test(agent) ? "linux" : "";
  // Browsers on Macs say Intel whatever the processor is; most Macs in use have Apple's.
  const guess = /aarch64|arm64/i.test(agent) || system === "darwin" ? "arm64" : "amd64";
  choose(system + "/" + guess) || choose(system + "/amd64") || choose(system + "/arm64");
  navigator.userAgentData?.getHighEntropyValues?.(["architecture"]).then(({ architecture }) => {
    if (architecture) choose(system + "/" + (architecture === "arm" ? "arm64" : "amd64"));
  }).catch(() => {});

  for (const badge of document.querySelectorAll("[data-channel]")) {
    fetch("channels/" + badge.dataset.channel + ".json", { cache: "no-cache" })
      .then((answer) => (answer.ok ? answer.json() : null))
      .then((channel) => {
        if (!channel || !/^[0-9A-Za-z.-]+$/.test(channel.version)) return;
        badge.textContent = channel.version;
        badge.hidden = false;
        for (const code of document.querySelectorAll('[data-of="' + badge.dataset.channel + '"]')) {
          code.textContent = code.dataset.pattern.replace("{version}", channel.version);
          code.dataset.command = "";
        }
      })
      .catch(() => {});
  }
})();
`;
