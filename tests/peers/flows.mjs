// Flows of other people's client libraries against our server: openid-client, oauth4webapi.  One JSON line for each step.
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { SignJWT, createRemoteJWKSet, importJWK, jwtVerify } from 'jose'
import { createInterface } from 'node:readline/promises'

const say = (value) => console.log(JSON.stringify(value))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const hear = async () => JSON.parse((await lines.next()).value)
const issuer = new URL(process.env.ISSUER)
const es256 = { id_token_signed_response_alg: 'ES256' }

async function device() {
  const config = await client.discovery(issuer, 'kiosk', es256, client.None())
  const asked = await client.initiateDeviceAuthorization(config, { scope: 'openid profile run' })
  say(asked)
  const tokens = await client.pollDeviceAuthorizationGrant(config, asked)
  say(await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub))
}

async function ciba() {
  const jwk = JSON.parse(process.env.CLIENT_JWK)
  const key = await importJWK(jwk, 'ES256')
  const config = await client.discovery(issuer, 'channel', es256, client.PrivateKeyJwt({ key, kid: jwk.kid }))
  const request = await new SignJWT({ scope: 'openid profile', login_hint: process.env.RUN, binding_message: 'Caso 4711' })
    .setProtectedHeader({ alg: 'ES256', kid: jwk.kid }).setIssuer('channel').setAudience(issuer.href)
    .setIssuedAt().setNotBefore('0s').setExpirationTime('5m').setJti(client.randomState()).sign(key)
  const asked = await client.initiateBackchannelAuthentication(config, { request })
  say(asked)
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  const tokens = await client.pollBackchannelAuthenticationGrant(config, asked, undefined, { DPoP })
  say(await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP }))
}

async function logout() {
  const base = process.env.BASE_URL
  const config = await client.discovery(issuer, 'site', es256, client.ClientSecretPost(process.env.CLIENT_SECRET))
  const verifier = client.randomPKCECodeVerifier(), state = client.randomState(), nonce = client.randomNonce()
  say({ url: client.buildAuthorizationUrl(config, {
    redirect_uri: base + '/callback', scope: 'openid', state, nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  }).href })
  const tokens = await client.authorizationCodeGrant(config, new URL((await hear()).url), {
    pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true,
  })
  say({ url: client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: base + '/', state: 'bye' }).href, sid: tokens.claims().sid })
  const { logout_token } = await hear()
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))
  const { payload } = await jwtVerify(logout_token, keys, { issuer: issuer.href, audience: 'site', typ: 'logout+jwt', maxTokenAge: '2m' })
  say(payload)
}

async function code() {
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer))
  const site = { client_id: 'site', ...es256 }, auth = oauth.ClientSecretBasic(process.env.CLIENT_SECRET)
  const callback = process.env.BASE_URL + '/callback', verifier = oauth.generateRandomCodeVerifier(), nonce = oauth.generateRandomNonce(), state = oauth.generateRandomState()
  const asked = new URL(as.authorization_endpoint)
  asked.search = new URLSearchParams({
    client_id: 'site', redirect_uri: callback, response_type: 'code', scope: 'openid profile', state, nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  say({ url: asked.href })
  const back = oauth.validateAuthResponse(as, site, new URL((await hear()).url), state)
  const answer = await oauth.authorizationCodeGrantRequest(as, site, auth, back, callback, verifier)
  const tokens = await oauth.processAuthorizationCodeResponse(as, site, answer, { expectedNonce: nonce, requireIdToken: true })
  await oauth.validateApplicationLevelSignature(as, answer)
  const about = await oauth.userInfoRequest(as, site, tokens.access_token)
  say(await oauth.processUserInfoResponse(as, site, oauth.getValidatedIdTokenClaims(tokens).sub, about))
}

await { device, ciba, logout, code }[process.argv[2]]()
process.exit(0)
