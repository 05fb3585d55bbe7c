// Says things to screen readers through live regions that the page has had from its start.

/** Say it when convenient. @param {string} message */
export function announce(message) {
  say('announce', message);
}

/** Say it at once: something failed. @param {string} message */
export function alert(message) {
  say('alert', message);
}

/** @param {string} id @param {string} message */
function say(id, message) {
  const region = document.getElementById(id);
  if (!region) return;
  region.textContent = '';
  // A pause, or the same words twice would not be said twice.
  setTimeout(() => {
    region.textContent = message;
  }, 60);
}
