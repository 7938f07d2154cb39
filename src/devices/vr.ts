// Whether this device can show an immersive scene, through WebXR.

import type { VRDevice } from '../ports.js'

/** WebXR, or `null` where the browser has none. It may have it and no headset: then `supported` answers false. */
export function createVR(): VRDevice | null {
  if (typeof navigator === 'undefined') return null
  let { xr } = navigator as Navigator & {
    readonly xr?: { isSessionSupported?(mode: 'immersive-vr'): Promise<boolean> } | undefined
  }
  if (!xr || typeof xr.isSessionSupported !== 'function') return null
  return {
    async supported() {
      try {
        return (await xr.isSessionSupported?.('immersive-vr')) === true
      } catch {
        // Forbidden by the page's permissions policy.
        return false
      }
    }
  }
}
