// node-oidc-provider with everything in memory, set up as our sandbox is: the same clients, ES256, opaque tokens for user info,
// JWT tokens for a resource, refresh tokens that are kept.  Prints one line of JSON with tokens to measure with, then serves.
// Its own store in memory forgets the oldest once there are about a thousand entries, and each client assertion is one: the
// tokens to measure with were gone after a second of load.  This one forgets nothing but what has expired.
import * as jose from 'jose'
import Provider from 'oidc-provider'

const { issuer, port, machine, resource, callback } = JSON.parse(process.env.BENCH)
const secret = 'bench-secret-0123456789-0123456789-abcdef'
const { privateKey } = await jose.generateKeyPair('ES256', { extractable: true })
const signing = { ...(await jose.exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: 'bench' }

const stored = new Map(), uids = new Map(), userCodes = new Map(), ofGrant = new Map()
class Memory {
  constructor(model) { this.model = model }
  key(id) { return `${this.model}:${id}` }
  async upsert(id, payload, expiresIn) {
    stored.set(this.key(id), { payload, until: expiresIn ? Date.now() + expiresIn * 1000 : Infinity })
    if (this.model === 'Session') uids.set(payload.uid, id)
    if (payload.userCode) userCodes.set(payload.userCode, id)
    if (payload.grantId && this.model !== 'Grant') ofGrant.set(payload.grantId, (ofGrant.get(payload.grantId) ?? new Set()).add(this.key(id)))
  }
  async find(id) {
    const found = stored.get(this.key(id))
    if (found && found.until < Date.now()) stored.delete(this.key(id))
    else return found?.payload
  }
  async findByUid(uid) { return this.find(uids.get(uid)) }
  async findByUserCode(code) { return this.find(userCodes.get(code)) }
  async consume(id) { stored.get(this.key(id)).payload.consumed = Math.floor(Date.now() / 1000) }
  async destroy(id) { stored.delete(this.key(id)) }
  async revokeByGrantId(grantId) {
    for (const key of ofGrant.get(grantId) ?? []) stored.delete(key)
    ofGrant.delete(grantId)
  }
}

const provider = new Provider(issuer, {
  adapter: Memory,
  issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'), // with each code, as ours does
  jwks: { keys: [signing] },
  clients: [
    {
      client_id: machine.client_id, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], id_token_signed_response_alg: 'ES256',
      token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256', jwks: { keys: [machine.public_jwk] },
    },
    {
      client_id: 'machine-secret', client_secret: secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], id_token_signed_response_alg: 'ES256',
      token_endpoint_auth_method: 'client_secret_post',
    },
    {
      client_id: 'web', client_secret: secret, grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [callback],
      token_endpoint_auth_method: 'client_secret_post', id_token_signed_response_alg: 'ES256',
    },
  ],
  cookies: { keys: ['bench'] },
  claims: { openid: ['sub'], profile: ['name', 'given_name', 'family_name'], email: ['email', 'email_verified'] },
  scopes: ['openid', 'offline_access', 'notify:send'],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'notify:send', accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt: { sign: { alg: 'ES256' } } }),
    },
  },
  rotateRefreshToken: false,
  pkce: { required: () => true },
  findAccount: async (_, accountId) => ({
    accountId,
    claims: async () => ({ sub: accountId, name: 'Camila Andrea Soto Pérez', given_name: 'Camila Andrea', family_name: 'Soto Pérez', email: 'camila@example.com', email_verified: true }),
  }),
  ttl: { AccessToken: 3600, RefreshToken: 14 * 86400, Grant: 14 * 86400, Session: 43200, Interaction: 1800, IdToken: 3600, ClientCredentials: 300 },
})

const client = await provider.Client.find('web')
const accountId = 'person-1'
const grant = new provider.Grant({ accountId, clientId: 'web' })
grant.addOIDCScope('openid profile email offline_access')
const grantId = await grant.save()
const now = Math.floor(Date.now() / 1000)
const common = { accountId, client, grantId, scope: 'openid profile email offline_access', gty: 'authorization_code', claims: {} }
const access = await new provider.AccessToken({ ...common, expiresWithSession: false }).save()
const refresh = await new provider.RefreshToken({
  ...common, authTime: now, acr: '0', amr: ['pwd'], nonce: 'n', rotations: 0, iiat: now, expiresWithSession: false,
}).save()

provider.listen(port, '127.0.0.1', () => console.log(JSON.stringify({ access, refresh, secret })))
