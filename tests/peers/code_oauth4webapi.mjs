// A public client made of npm's oauth4webapi, with DPoP and a refresh; talks as the one with openid-client does.
import { createInterface } from 'node:readline'
import * as oauth from 'oauth4webapi'

const asked = JSON.parse(process.env.ASKED)
const issuer = new URL(asked.issuer)
const http = { [oauth.allowInsecureRequests]: true }
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, http))
const client = { client_id: asked.client_id }
const none = oauth.None()
const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const nonce = oauth.generateRandomNonce()
const parameters = {
  client_id: client.client_id,
  redirect_uri: asked.redirect_uri,
  response_type: 'code',
  scope: 'openid email',
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
}
const pushed = await oauth.processPushedAuthorizationResponse(
  as, client, await oauth.pushedAuthorizationRequest(as, client, none, parameters, { ...http, DPoP }))
const url = new URL(as.authorization_endpoint)
url.searchParams.set('client_id', client.client_id)
url.searchParams.set('request_uri', pushed.request_uri)
console.log(JSON.stringify({ url: url.href }))

const lines = createInterface({ input: process.stdin })
const back = (await lines[Symbol.asyncIterator]().next()).value
lines.close()
const answer = oauth.validateAuthResponse(as, client, new URL(back), state)
const tokens = await oauth.processAuthorizationCodeResponse(
  as, client,
  await oauth.authorizationCodeGrantRequest(as, client, none, answer, asked.redirect_uri, verifier, { ...http, DPoP }),
  { expectedNonce: nonce, requireIdToken: true })
const { sub } = oauth.getValidatedIdTokenClaims(tokens)
const about = await oauth.processUserInfoResponse(
  as, client, sub, await oauth.userInfoRequest(as, client, tokens.access_token, { ...http, DPoP }))
const refreshed = await oauth.processRefreshTokenResponse(
  as, client, await oauth.refreshTokenGrantRequest(as, client, none, tokens.refresh_token, { ...http, DPoP }))
console.log(JSON.stringify({ token_type: tokens.token_type, kept: refreshed.refresh_token === tokens.refresh_token, about }))
