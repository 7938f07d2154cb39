// Door: simulated worlds for tests of apps and of this library. Importing it does nothing.

export type { Channels } from './channels.js'
export { createSeededRandom, createVirtualClock, START, type VirtualClock } from './clock.js'
export { type ServerStorageContractOptions, serverStorageContract } from './contract/server-storage.js'
export { type StorageContractOptions, storageContract } from './contract/storage.js'
export type { ContractTest } from './contract/suite.js'
export type { Device, Surroundings, Tab } from './device.js'
export { createTestDisk, type TestDisk } from './disk.js'
export type { Life } from './life.js'
export type { Network } from './network.js'
export type { WorldServer } from './server.js'
export type { Backup, Loss, TestStorage } from './storage.js'
export { createWorld, type World, type WorldOptions } from './world.js'
