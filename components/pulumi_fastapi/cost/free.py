"""Types of resources that cost nothing themselves. What is neither here nor priced is listed by name."""

import re

_PACKAGES = {
    "command",
    "docker",
    "docker-build",
    "local",
    "null",
    "pulumi",
    "pulumi-fastapi",
    "random",
    "std",
    "time",
    "tls",
}
"""They make nothing in a cloud."""

_AWS = r"""
acm/certificate acm/certificateValidation
apigatewayv2/(apiMapping|authorizer|deployment|domainName|integration|integrationResponse|model|route|routeResponse|stage|vpcLink)
appautoscaling/.*
budgets/budget
cloudfront/(cachePolicy|function|keyGroup|originAccessControl|originAccessIdentity|originRequestPolicy|publicKey|responseHeadersPolicy)
cloudwatch/(eventRule|eventTarget|eventPermission|eventBusPolicy|logResourcePolicy|logStream)
ec2/(customerGateway|default.*|dhcpOptions|egressOnlyInternetGateway|eipAssociation|flowLog|internetGateway|internetGatewayAttachment)
ec2/(keyPair|launchTemplate|mainRouteTableAssociation|managedPrefixList|managedPrefixListEntry|networkAcl.*|networkInterface)
ec2/(placementGroup|route|routeTable|routeTableAssociation|securityGroup.*|subnet|vpc|vpcDhcpOptionsAssociation)
ec2/(vpcEndpoint(ConnectionNotification|Policy|RouteTableAssociation|SecurityGroupAssociation)|vpcIpv4CidrBlockAssociation)
vpc/(securityGroup.*|endpoint.*)
ecr/(lifecyclePolicy|pullThroughCacheRule|registryPolicy|registryScanningConfiguration|replicationConfiguration|repositoryPolicy)
ecs/(accountSettingDefault|capacityProvider|clusterCapacityProviders|taskDefinition)
elasticache/(parameterGroup|subnetGroup|user|userGroup)
iam/.*
kms/(alias|grant|keyPolicy)
lambda/(alias|codeSigningConfig|eventSourceMapping|functionEventInvokeConfig|functionUrl|layerVersion|permission)
(lb|alb)/(listener|listenerCertificate|listenerRule|targetGroup|targetGroupAttachment|trustStore)
rds/(clusterParameterGroup|eventSubscription|optionGroup|parameterGroup|proxyDefaultTargetGroup|proxyTarget|roleAssociation|subnetGroup)
route53/(record|delegationSet|resolverRule|resolverRuleAssociation|vpcAssociationAuthorization|zoneAssociation)
s3/bucket(?!Object|Metric|Inventory|Analytics|Intelligent|V2:)[A-Z].* s3/account.*
scheduler/scheduleGroup servicediscovery/httpNamespace
secretsmanager/(secretPolicy|secretRotation|secretVersion)
sns/(topicPolicy|topicSubscription) sqs/(queuePolicy|redriveAllowPolicy|redrivePolicy)
ssm/document
wafv2/(ipSet|regexPatternSet|webAclAssociation|webAclLoggingConfiguration)
"""

# Alerting is free until 2027-09-01; addresses are free while a forwarding rule uses them; the rest is set-up.
_GCP = r"""
artifactregistry/repositoryIam.*
cloudrun(v2)?/.*(Iam.*|DomainMapping|domainMapping)
compute/(address|backendBucket|backendService|firewall|globalAddress|healthCheck|managedSslCertificate|network|networkPeering.*)
compute/(regionBackendService|regionHealthCheck|regionNetworkEndpointGroup|regionUrlMap|router|sSLCertificate|sslPolicy|subnetwork)
compute/(targetHttpProxy|targetHttpsProxy|uRLMap|urlMap|sSLPolicy|globalNetworkEndpointGroup)
dns/(policy|recordSet)
iam/.* organizations/.* projects/.* serviceaccount/.*
kms/(keyRing|cryptoKeyIAM.*|keyRingIAM.*)
logging/(linkedDataset|projectBucketConfig|projectExclusion|projectSink)
monitoring/(alertPolicy|dashboard|notificationChannel|service|slo|genericService|group|customService)
secretmanager/(secret|secretIam.*)
servicenetworking/.*
sql/(database|user|sslCert)
"""

_PATTERN = re.compile(
    "|".join(f"{package}:(?:{'|'.join(patterns.split())}):.*" for package, patterns in (("aws", _AWS), ("gcp", _GCP)))
)


def is_free(type_: str) -> bool:
    """Whether resources of this type cost nothing themselves."""
    return type_.partition(":")[0] in _PACKAGES or _PATTERN.fullmatch(type_) is not None
