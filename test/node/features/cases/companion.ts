// What the contract of all features needs to know of the companion's.

import { avatar } from '../../../../src/features/avatar.js'
import { biometric } from '../../../../src/features/biometric.js'
import { haptic } from '../../../../src/features/haptic.js'
import { memory } from '../../../../src/features/memory.js'
import { memoryReads } from '../../../../src/features/memory-reads.js'
import { relationship } from '../../../../src/features/relationship.js'
import { voice } from '../../../../src/features/voice.js'
import { vr } from '../../../../src/features/vr.js'
import type { FeatureCase } from '../cases.js'

export let cases: readonly FeatureCase[] = [
  {
    feature: avatar,
    samples: {
      mood: [{ mood: 'happy' }, { mood: 'sad' }],
      expression: [{ expression: 'smile' }],
      gesture: [{ gesture: 'wave' }],
      animation: [{ name: 'dance' }],
      progress: [
        { animation: '$0', progress: 0.5 },
        { animation: '$1', progress: 1 }
      ]
    },
    commands: {
      updateAvatarMood: { args: ['happy'], delivery: 'latest' },
      setAvatarExpression: { args: ['smile'], delivery: 'latest' },
      triggerAvatarGesture: { args: ['wave'], delivery: 'ttl 10' },
      playAvatarAnimation: { args: ['dance'], delivery: 'ttl 10' },
      reportAnimationProgress: {
        args: [0.5],
        delivery: 'volatile 3600',
        before: { type: 'animation', data: { name: 'dance' } }
      }
    },
    refusals: [
      { what: 'a mood without a name', type: 'mood', data: { mood: '' }, code: 'invalid' },
      { what: 'an oversized gesture', type: 'gesture', data: { gesture: 'x'.repeat(65) }, code: 'invalid' }
    ]
  },
  {
    feature: memory,
    samples: {
      created: [
        { content: 'stars' },
        { content: 'x'.repeat(2000), tags: ['a', 'b'], emotion: 'joy', importance: 0.4 },
        { content: 'sea', emotion: null, importance: null }
      ],
      updated: [
        { id: '$0', patch: { content: 'moon' } },
        { id: '$1', patch: { tags: [], emotion: null } },
        { id: '$2', patch: { importance: 1 } }
      ],
      deleted: [{ id: '$0' }, { id: '$3' }],
      insight: [{ text: 'all is well' }, { text: 'about one', memoryId: '$1' }],
      processed: [
        { id: '$0', stage: 'reading', progress: 0.3 },
        { id: '$1', stage: 'done', progress: 0 },
        { id: '$2', stage: 'reading', progress: 1 }
      ]
    },
    refusals: [
      { what: 'an oversized content', type: 'created', data: { content: 'x'.repeat(2001) }, code: 'invalid' },
      { what: 'an importance out of range', type: 'created', data: { content: 'x', importance: 2 }, code: 'invalid' },
      { what: 'no content', type: 'created', data: { tags: [] }, code: 'invalid' },
      {
        what: 'a change of a memory that was deleted meanwhile',
        before: [
          { by: 'bob', type: 'created', data: { content: 'stars' } },
          { by: 'bob', type: 'deleted', data: { id: 'app:before-0' } }
        ],
        type: 'updated',
        data: { id: 'app:before-0', patch: { content: 'moon' } },
        code: 'unknown-memory'
      },
      {
        what: 'an insight about a memory that never was',
        type: 'insight',
        data: { text: 'aha', memoryId: 'constructor' },
        code: 'unknown-memory'
      },
      {
        what: 'a progress beyond its end',
        type: 'processed',
        data: { id: 'm', stage: 'x', progress: 1.5 },
        code: 'invalid'
      }
    ],
    commands: {
      createMemory: { args: ['stars', { tags: ['night'] }], delivery: 'durable' },
      updateMemory: {
        args: ['before', { emotion: null }],
        delivery: 'durable',
        before: { type: 'created', data: { content: 'x' } }
      },
      deleteMemory: { args: ['before'], delivery: 'durable', before: { type: 'created', data: { content: 'x' } } },
      addMemoryInsight: {
        args: ['aha', 'before'],
        delivery: 'durable',
        before: { type: 'created', data: { content: 'x' } }
      },
      processMemory: { args: ['before'], delivery: 'durable', before: { type: 'created', data: { content: 'x' } } }
    }
  },
  {
    feature: memoryReads,
    samples: {
      read: [{ id: '$0' }, { id: 'constructor', upTo: 5 }, { id: '__proto__', upTo: 1e15 }],
      'read-all': [
        { upTo: 10, room: '' },
        { upTo: 1e13, room: '__proto__' }
      ]
    },
    commands: {
      markMemoryRead: { args: ['m'], delivery: 'durable' },
      markAllMemoriesRead: { args: [5], delivery: 'durable' }
    }
  },
  {
    feature: haptic,
    samples: {
      triggered: [
        { pattern: 'pulse', intensity: 50, durationMs: 1000, target: 'room' },
        { pattern: 'mine', intensity: 0, durationMs: 1, target: 'self', steps: [10, 20] }
      ],
      stopped: [{}]
    },
    commands: {
      triggerHaptic: { args: ['heartbeat', 75, 3000], delivery: 'ttl 10' },
      stopHaptic: { args: [], delivery: 'ttl 10' }
    },
    ofThePage: ['definePattern', 'setHapticEnabled'],
    refusals: [
      {
        what: 'an intensity out of range',
        type: 'triggered',
        data: { pattern: 'pulse', intensity: 101, durationMs: 1000, target: 'room' },
        code: 'invalid'
      },
      {
        what: 'a target that is none',
        type: 'triggered',
        data: { pattern: 'pulse', intensity: 50, durationMs: 1000, target: 'everyone' },
        code: 'invalid'
      }
    ]
  },
  {
    feature: biometric,
    samples: {
      sample: [{ heartRate: 70 }, { stressLevel: 0 }, { heartRate: 20, stressLevel: 100, energyLevel: 3, at: 7 }]
    },
    commands: { sendBiometric: { args: [{ heartRate: 72 }], delivery: 'volatile 3600' } },
    ofThePage: ['startBiometricMonitoring', 'stopBiometricMonitoring'],
    refusals: [
      { what: 'a heart that cannot beat so fast', type: 'sample', data: { heartRate: 1000 }, code: 'invalid' },
      { what: 'a heart rate in words', type: 'sample', data: { heartRate: 'fast' }, code: 'invalid' },
      { what: 'more stress than there is', type: 'sample', data: { stressLevel: 101 }, code: 'invalid' }
    ]
  },
  {
    feature: vr,
    samples: {
      started: [{ scene: 'garden', type: 'ai_generated' }],
      ended: [{ sceneId: '$0' }],
      joined: [{ sceneId: '$0' }, { sceneId: '$1' }],
      left: [{ sceneId: '$0' }],
      updated: [
        { sceneId: '$0', patch: { light: 1, nested: { a: [null] } } },
        { sceneId: '$0', patch: { light: null, constructor: 2 } }
      ],
      progress: [
        { sceneId: '$0', generation: 0.2 },
        { sceneId: '$0', generation: 0.1, scene: 0.9 }
      ]
    },
    refusals: [
      { what: 'joining a scene that is over', type: 'joined', data: { sceneId: 'gone' }, code: 'unknown-scene' },
      {
        what: 'changing a scene that another took the place of',
        before: [
          { by: 'bob', type: 'started', data: { scene: 'garden', type: 'ai_generated' } },
          { by: 'bob', type: 'started', data: { scene: 'beach', type: 'ai_generated' } }
        ],
        type: 'updated',
        data: { sceneId: 'app:before-0', patch: { light: 1 } },
        code: 'unknown-scene'
      }
    ],
    commands: {
      startVRScene: { args: ['romantic_garden', 'ai_generated'], delivery: 'durable' },
      endVRScene: { args: [], delivery: 'durable', before: { type: 'started', data: { scene: 's', type: 't' } } },
      joinVRScene: { args: [], delivery: 'durable', before: { type: 'started', data: { scene: 's', type: 't' } } },
      leaveVRScene: { args: [], delivery: 'durable', before: { type: 'started', data: { scene: 's', type: 't' } } },
      updateVRScene: {
        args: [{ light: 0.5 }],
        delivery: 'latest',
        before: { type: 'started', data: { scene: 's', type: 't' } }
      },
      reportVRProgress: {
        args: [{ generation: 0.5 }],
        delivery: 'volatile 3600',
        before: { type: 'started', data: { scene: 's', type: 't' } }
      }
    }
  },
  {
    feature: voice,
    samples: {
      spoken: [{ text: 'Hello', emotion: 'romantic', pitch: 1.2, rate: 0.9, volume: 0.8 }],
      stopped: [{}]
    },
    commands: {
      speakText: { args: ['Hello, I love you!', 'romantic', 1.2, 0.9, 0.8], delivery: 'ttl 60' },
      stopSpeaking: { args: [], delivery: 'ttl 60' }
    },
    ofThePage: ['startListening', 'stopListening'],
    refusals: [
      {
        what: 'a pitch that no voice has',
        type: 'spoken',
        data: { text: 'Hello', emotion: 'calm', pitch: 99, rate: 1, volume: 1 },
        code: 'invalid'
      }
    ]
  },
  {
    feature: relationship,
    samples: {
      score: [{ score: 0 }, { score: 99.5 }],
      insight: [{ text: 'i' }],
      recommended: [{ text: 'r' }],
      dismissed: [{ id: '$0' }],
      raised: [{ text: 'c', severity: 'high' }],
      resolved: [{ id: '$1' }]
    },
    commands: {
      updateHealthScore: { args: [80], delivery: 'latest' },
      addInsight: { args: ['i'], delivery: 'durable' },
      addRecommendation: { args: ['r'], delivery: 'durable' },
      dismissRecommendation: {
        args: ['before'],
        delivery: 'durable',
        before: { type: 'recommended', data: { text: 'r' } }
      },
      raiseConflict: { args: ['c'], delivery: 'durable' },
      resolveConflict: {
        args: ['before'],
        delivery: 'durable',
        before: { type: 'raised', data: { text: 'c', severity: 'low' } }
      }
    },
    refusals: [
      { what: 'a score out of range', type: 'score', data: { score: 101 }, code: 'invalid' },
      { what: 'a severity that is none', type: 'raised', data: { text: 'c', severity: 'huge' }, code: 'invalid' }
    ]
  }
]
